"""What a month has cost, from the views: every figure that the report shows, amounts in US dollars as Decimal."""

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
BREAKDOWNS: dict[str, tuple[str, tuple[str, ...]]] = {  # by -> what to read, and the columns
    "number": (
        "fax.cost_by_number",
        ("month", "provider", "account", "direction", "own_number", "other_number", *_OF_DELIVERIES),
    ),
    # a row of what does not carry one tag is a part of what carries others, but for that of faxes without any
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
    """One month: by account and by day, the rows of one breakdown and what failed, the most expensive first.

    `perhaps_tests` are faxes that are counted although it is not known whether they are tests.
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
        """The sum of one count of all accounts."""
        return sum(getattr(account, name) for account in self.accounts)

    def amount(self, name: str) -> Decimal:
        """The sum of one amount of all accounts."""
        return sum((getattr(account, name) for account in self.accounts), ZERO)

    def forecast(self, name: str) -> Decimal | None:
        """The sum of one forecast of all accounts; None if one of them has none."""
        return None if any(getattr(account, name) is None for account in self.accounts) else self.amount(name)

    @property
    def is_open(self) -> bool:
        """Some account has not been read to the end of the month."""
        return any(account.is_open for account in self.accounts)

    def as_json(self) -> dict[str, Any]:
        """All figures; counts are numbers, everything else is to be printed as text."""
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
    """The row with its seconds rounded: no warehouse's last binary digits."""
    return {name: round(value, 3) if name.endswith("_seconds") else value for name, value in row.items()}


def month_figures(read: Read, month: date, by: str) -> MonthFigures:
    """The figures of the month that begins on this day."""
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
    """The month's rows by number, tag or account, the most expensive first."""
    rows, columns = BREAKDOWNS[by]
    places = ", ".join(str(place + 1) for place in range(len(columns) - 1))
    return read(f"select {', '.join(columns)} from {rows} where month = %s order by cost_usd desc, {places}", month)


def _days(read: Read, month: date) -> list[Row]:
    """Every day of the month, with its faxes and their cost."""
    sql = (
        "select day, cast(sum(faxes) as bigint) as faxes, sum(cost_usd) as cost_usd"
        " from fax.daily_costs where day >= %s and day < %s group by 1"
    )
    spent = {row["day"]: row for row in read(sql, month, month_after(month))}
    return [spent.get(day, {"day": day, "faxes": 0, "cost_usd": ZERO}) for day in days_of(month)]
