"""Every figure that the report shows of a month, read from the views; amounts are US dollars as Decimal."""

from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from pipelines.costs.account_month import AccountMonth, account_months
from pipelines.costs.money import ZERO
from pipelines.costs.months import days_of, month_after
from pipelines.warehouse.read_only import Read, Row

_COUNTED = ("faxes", "open_faxes", "pages", "cost_usd")
_OF_DELIVERIES = ("deliveries", "open_deliveries", "pages", "cost_usd")
BREAKDOWNS: dict[str, tuple[str, tuple[str, ...]]] = {  # by -> the relation to read, and its columns
    "number": (
        "fax.cost_by_number",
        ("month", "provider", "account", "direction", "own_number", "other_number", *_OF_DELIVERIES),
    ),
    # Of the faxes without a tag of some name, those that have other tags are counted under these.
    "tag": (
        "(select * from fax.cost_by_tag where is_tagged or name is null) as tags",
        ("month", "provider", "account", "name", "value", *_COUNTED),
    ),
    "account": ("fax.monthly_costs", ("month", "provider", "account", "direction", *_COUNTED)),
}


_PERHAPS_TESTS = """
    select count(*) as perhaps_tests from fax.faxes as faxes
    inner join fax.calendar as calendar
        on calendar.quarter = cast(floor(extract(epoch from faxes.created_at) / 900) as bigint)
    where faxes.is_test is null and calendar.month = %s
"""


@dataclass(frozen=True)
class MonthFigures:
    """One month: its accounts, its days, the rows of one breakdown, its failed deliveries and its delivery times.

    `perhaps_tests` is the number of faxes that are counted although they may be tests. `earliest` and `latest` are the
    first and the last month that have faxes.
    """

    month: date
    by: str
    accounts: list[AccountMonth]
    days: list[Row]
    breakdown: list[Row]
    failures: list[Row]
    times: list[Row]
    perhaps_tests: int
    earliest: date | None
    latest: date | None

    def count(self, name: str) -> int:
        """The sum of a count over all accounts."""
        return sum(getattr(account, name) for account in self.accounts)

    def amount(self, name: str) -> Decimal:
        """The sum of an amount over all accounts, in US dollars."""
        return sum((getattr(account, name) for account in self.accounts), ZERO)

    def forecast(self, name: str) -> Decimal | None:
        """The sum of a forecast over all accounts, in US dollars; None if an account has none."""
        return None if any(getattr(account, name) is None for account in self.accounts) else self.amount(name)

    @property
    def is_open(self) -> bool:
        """An account has not yet been read to the end of the month."""
        return any(account.is_open for account in self.accounts)

    def as_json(self) -> dict[str, Any]:
        """All figures; counts and durations are numbers, the caller prints amounts and dates as text."""
        names = ("faxes", "open_faxes", "pages", "deliveries", "delivered", "failed", "partial")
        amounts = ("cost_usd", "before_usd", "before_total_usd")
        forecasts = ("forecast_usd", "forecast_low_usd", "forecast_high_usd")
        return {
            "month": f"{self.month:%Y-%m}",
            "is_open": self.is_open,
            **{name: self.count(name) for name in names},
            **{name: self.amount(name) for name in amounts},
            **{name: self.forecast(name) for name in forecasts},
            "accounts": [asdict(account) for account in self.accounts],
            "days": self.days,
            "by": self.by,
            "breakdown": self.breakdown,
            "failures": self.failures,
            "time_to_deliver": [_in_milliseconds(row) for row in self.times],
        }


def _in_milliseconds(row: Row) -> Row:
    """The row with its seconds rounded to milliseconds: the digits after them differ between warehouses."""
    return {name: round(value, 3) if name.endswith("_seconds") else value for name, value in row.items()}


def month_figures(read: Read, month: date, by: str) -> MonthFigures:
    """The figures of the month that begins on the day `month`, with the breakdown `by` number, tag or account."""
    [span] = read("select min(month) as earliest, max(month) as latest from fax.monthly_costs")
    failures = (
        "select provider, account, direction, error_type, error_code, failures, retried, pages, cost_usd"
        " from fax.delivery_failures where month = %s order by failures desc, cost_usd desc, 1, 2, 3, 4, 5"
    )
    times = (
        "select provider, account, deliveries, median_seconds, p95_seconds"
        " from fax.time_to_deliver where month = %s order by deliveries desc, 1, 2"
    )
    return MonthFigures(
        month=month,
        by=by,
        accounts=account_months(read, month),
        days=_days(read, month),
        breakdown=breakdown(read, month, by),
        failures=read(failures, month),
        times=read(times, month),
        perhaps_tests=int(str(read(_PERHAPS_TESTS, month)[0]["perhaps_tests"])),
        **span,
    )


def breakdown(read: Read, month: date, by: str) -> list[Row]:
    """The month's rows by number, tag or account: dicts of `BREAKDOWNS`' columns, the most expensive first."""
    relation, columns = BREAKDOWNS[by]
    others = ", ".join(str(place + 1) for place in range(len(columns) - 1))
    return read(f"select {', '.join(columns)} from {relation} where month = %s order by cost_usd desc, {others}", month)


def _days(read: Read, month: date) -> list[Row]:
    """Every day of the month, with the number of its faxes and their cost."""
    sql = (
        "select day, cast(sum(faxes) as bigint) as faxes, sum(cost_usd) as cost_usd"
        " from fax.daily_costs where day >= %s and day < %s group by 1"
    )
    spent = {row["day"]: row for row in read(sql, month, month_after(month))}
    return [spent.get(day, {"day": day, "faxes": 0, "cost_usd": ZERO}) for day in days_of(month)]
