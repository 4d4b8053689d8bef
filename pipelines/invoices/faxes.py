"""What the warehouse has for an invoice: its faxes, each in one part, as they may or may not be on the invoice."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from pipelines.costs.money import ZERO
from pipelines.warehouse.read_only import Read, Row
from sources.window import Window

_MICRO = ZERO  # the six decimals of every amount of the warehouse
_FAXES = """
    with placed as (
        select direction, num_pages, cost_usd, price_currency
            , created_at >= %s as is_created
            , coalesce(completed_at >= %s, false) as is_later
            , coalesce(is_test, false) as is_test, is_deleted, is_final
        from fax.faxes
        where provider = %s and account = %s and created_at < %s and (created_at >= %s or completed_at >= %s)
    )
    select
        case
            when is_test then 'test'
            when is_deleted then 'deleted'
            when not is_final then 'open'
            when cost_usd is null and price_currency <> 'USD' then 'foreign'
            when cost_usd is null then 'unpriced'
            when not is_created then 'earlier'
            when is_later then 'later'
            else 'plain'
        end as part
        , direction, num_pages, cost_usd, count(*) as faxes
    from placed
    where is_created or (not is_later and is_final and not is_deleted and not is_test and cost_usd is not null)
    group by 1, 2, 3, 4
"""


@dataclass(frozen=True)
class Part:
    """Some of the faxes: how many, and what they cost; `unknown` is how many of them have no cost that is known."""

    faxes: int = 0
    cost_usd: Decimal = ZERO
    unknown: int = 0


@dataclass(frozen=True)
class Faxes:
    """The faxes of a period, in parts that share no fax.

    All were created in the period, but `earlier`: those were created before it and completed in it. `later` were
    completed after it. `unpriced` are final without a price, and `foreign` final with one in another currency than US
    dollars: both cost what the account's other faxes cost a page.
    """

    plain: Part
    later: Part
    earlier: Part
    open: Part
    unpriced: Part
    foreign: Part
    deleted: Part
    test: Part

    @property
    def by_creation_usd(self) -> Decimal:
        """The cost of the faxes created in the period, without tests: what the views have."""
        return sum((part.cost_usd for part in (self.plain, self.later, self.open, self.deleted)), ZERO)

    @property
    def by_completion_usd(self) -> Decimal:
        """The cost if a fax counts in the period in which it was completed."""
        return self.by_creation_usd - self.later.cost_usd + self.earlier.cost_usd

    @property
    def without_cost(self) -> tuple[Part, Part]:
        """The final faxes without a cost in US dollars."""
        return self.unpriced, self.foreign

    @property
    def created(self) -> int:
        """The number of faxes created in the period, without tests."""
        return sum(part.faxes for part in (self.plain, self.later, self.open, *self.without_cost, self.deleted))


def faxes_of(read: Read, provider: str, account: str, window: Window) -> Faxes:
    """The faxes of an account that were created or completed in the window."""
    start, end = window.start, window.end
    rows: dict[str, list[Row]] = defaultdict(list)
    for row in read(_FAXES, start, end, provider, account, end, start, start):
        rows[row["part"]].append(row)
    prices = _page_prices(rows["plain"])
    names = ("plain", "later", "earlier", "open", "deleted", "test")
    without_cost = {name: _priced(rows[name], prices) for name in ("unpriced", "foreign")}
    return Faxes(**{name: _part(rows[name]) for name in names}, **without_cost)


def _part(rows: Iterable[Row]) -> Part:
    held = list(rows)
    known = [row for row in held if row["cost_usd"] is not None]
    count = sum(row["faxes"] for row in held)
    cost = sum((row["cost_usd"] * row["faxes"] for row in known), ZERO)
    return Part(count, cost, count - sum(row["faxes"] for row in known))


def _priced(rows: Iterable[Row], prices: dict[str | None, Decimal]) -> Part:
    """The faxes with the cost that they should have, by their pages."""
    return _part(row | {"cost_usd": _expected(row, prices)} for row in rows)


def _expected(row: Row, prices: dict[str | None, Decimal]) -> Decimal | None:
    price = prices.get(row["direction"])
    return None if price is None or row["num_pages"] is None else price * row["num_pages"]


def _page_prices(rows: Iterable[Row]) -> dict[str | None, Decimal]:
    """What most faxes of a direction cost a page; the lowest if several do."""
    counts: dict[str | None, Counter[Decimal]] = defaultdict(Counter)
    for row in rows:
        if row["num_pages"] and row["cost_usd"] and row["num_pages"] > 0:
            price = (row["cost_usd"] / row["num_pages"]).quantize(_MICRO)
            if price * row["num_pages"] == row["cost_usd"]:
                counts[row["direction"]][price] += row["faxes"]
    return {direction: min(prices, key=lambda price: (-prices[price], price)) for direction, prices in counts.items()}
