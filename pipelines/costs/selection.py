"""What a report shows of a month: the kind of breakdown, and perhaps one account, one number or one tag only."""

from dataclasses import dataclass

from pipelines.warehouse.read_only import Row

Condition = tuple[str, tuple[str, ...]]  # a boolean expression with a %s for each of the values
EVERYTHING: Condition = ("true", ())


@dataclass(frozen=True)
class Selection:
    """`account` is a provider or `provider/account`; `tag` a name or `name=value`; each is empty if all are shown."""

    by: str = "number"
    account: str = ""
    number: str = ""
    tag: str = ""

    @property
    def chosen(self) -> str:
        """The number or the tag that the breakdown is about; empty if it is about all."""
        return self.number or self.tag

    def holds(self, row: Row) -> bool:
        """The row is of the selected account."""
        return self.account in ("", row["provider"], f"{row['provider']}/{row['account']}")

    def of_account(self) -> Condition:
        """Holds for the rows of the selected account, in a relation with the columns `provider` and `account`."""
        if not self.account:
            return EVERYTHING
        return "%s in (provider, provider || '/' || account)", (self.account,)

    def of_breakdown(self) -> Condition:
        """Holds for the rows of the breakdown.

        By tag, a fax without any tag has a row with the name null. The faxes without the tag of some name are rows with
        `is_tagged` false, which are shown only beside the values of that tag: else they would count under each name.
        """
        account, values = self.of_account()
        if self.number:
            return f"{account} and %s in (own_number, other_number)", (*values, self.number)
        if self.by != "tag":
            return account, values
        name, equals, value = self.tag.partition("=")
        if equals:
            return f"{account} and name = %s and value = %s", (*values, name, value)
        if name:
            return f"{account} and name = %s", (*values, name)
        return f"{account} and (is_tagged or name is null)", values
