"""Every figure that the report shows of a month, read from the views; amounts are US dollars as Decimal."""

from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from pipelines.costs.account_month import AccountMonth, account_months
from pipelines.costs.money import ZERO
from pipelines.costs.months import days_of, month_after
from pipelines.costs.selection import Selection
from pipelines.warehouse.read_only import Read, Row

_COUNTED = ("faxes", "open_faxes", "pages", "cost_usd")
_OF_DELIVERIES = ("deliveries", "open_deliveries", "pages", "cost_usd")
BREAKDOWNS: dict[str, tuple[str, tuple[str, ...]]] = {  # by -> the view to read, and its columns
    "number": (
        "fax.cost_by_number",
        ("month", "provider", "account", "direction", "own_number", "other_number", *_OF_DELIVERIES),
    ),
    "tag": ("fax.cost_by_tag", ("month", "provider", "account", "name", "is_tagged", "value", *_COUNTED)),
    "account": (
        "fax.monthly_costs",
        ("month", "provider", "account", "direction", "faxes", "open_faxes", "unpriced_faxes", "pages", "cost_usd"),
    ),
}


_PERHAPS_TESTS = """
    select count(*) as perhaps_tests from fax.faxes as faxes
    inner join fax.calendar as calendar
        on calendar.quarter = cast(floor(date_part('epoch', faxes.created_at) / 900) as bigint)
    where faxes.is_test is null and calendar.month = %s and
"""
_BALANCES = """
    select provider, account, day, balance_usd, change_usd, cost_usd, drift_usd
    from (
        select provider, account, day, balance_usd
            , sum(change_usd) over (partition by provider, account) as change_usd
            , sum(cost_usd) over (partition by provider, account) as cost_usd
            , sum(drift_usd) over (partition by provider, account) as drift_usd
            , row_number() over (partition by provider, account order by read_at desc) as place
        from fax.balances where day >= %s and day < %s and
"""
_FIRST = {"tag": "name is null, sum(cost_usd) over (partition by name) desc, name, "}  # the values of a name together


@dataclass(frozen=True)
class MonthFigures:
    """One month: its accounts, its days, one breakdown, its failed deliveries, its delivery times and its balances.

    `perhaps_tests` is the number of faxes that are counted although they may be tests. `earliest` and `latest` are the
    first and the last month that have faxes.
    """

    month: date
    selection: Selection
    accounts: list[AccountMonth]
    days: list[Row]
    breakdown: list[Row]
    failures: list[Row]
    times: list[Row]
    balances: list[Row]
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
        names = ("faxes", "open_faxes", "unpriced_faxes", "pages", "deliveries", "delivered", "failed", "partial")
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
            "by": self.selection.by,
            **{name: text for name, text in asdict(self.selection).items() if name != "by" and text},
            "breakdown": self.breakdown,
            "failures": self.failures,
            "time_to_deliver": [_in_milliseconds(row) for row in self.times],
            "balances": self.balances,
        }


def _in_milliseconds(row: Row) -> Row:
    """The row with its seconds rounded to milliseconds: the digits after them differ between warehouses."""
    return {name: round(value, 3) if name.endswith("_seconds") else value for name, value in row.items()}


def month_figures(read: Read, month: date, selection: Selection) -> MonthFigures:
    """The figures of the month that begins on the day `month`, and its breakdown."""
    of_account, account = selection.of_account()
    [span] = read(
        f"select min(month) as earliest, max(month) as latest from fax.monthly_costs where {of_account}", *account
    )
    failures = (
        "select provider, account, direction, error_type, error_code, failures, retried, pages, cost_usd"
        f" from fax.delivery_failures where month = %s and {of_account}"
        " order by failures desc, cost_usd desc, 1, 2, 3, 4, 5"
    )
    times = (
        "select provider, account, deliveries, median_seconds, p95_seconds"
        f" from fax.time_to_deliver where month = %s and {of_account} order by deliveries desc, 1, 2"
    )
    [tests] = read(_PERHAPS_TESTS + of_account, month, *account)
    return MonthFigures(
        month=month,
        selection=selection,
        accounts=[one for one in account_months(read, month) if selection.holds(asdict(one))],
        days=_days(read, month, selection),
        breakdown=breakdown(read, month, selection),
        failures=read(failures, month, *account),
        times=read(times, month, *account),
        balances=balances(read, month, selection),
        **tests,
        **span,
    )


def breakdown(read: Read, month: date, selection: Selection) -> list[Row]:
    """The month's rows by number, tag or account: dicts of `BREAKDOWNS`' columns, the most expensive first.

    By tag, the values of a name stand together, the most expensive name first; faxes without any tag are last.
    """
    view, columns = BREAKDOWNS[selection.by]
    condition, values = selection.of_breakdown()
    others = ", ".join(str(place + 1) for place in range(len(columns) - 1))
    order = f"{_FIRST.get(selection.by, '')}cost_usd desc, {others}"
    sql = f"select {', '.join(columns)} from {view} where month = %s and {condition} order by {order}"
    return read(sql, month, *values)


def balances(read: Read, month: date, selection: Selection) -> list[Row]:
    """The last balance that was read in the month, of each account, with the sums of the month's changes."""
    of_account, account = selection.of_account()
    sql = f"{_BALANCES} {of_account}) as readings where place = 1 order by 1, 2"
    return read(sql, month, month_after(month), *account)


def _days(read: Read, month: date, selection: Selection) -> list[Row]:
    """Every day of the month, with the number of its faxes and their cost."""
    of_account, account = selection.of_account()
    sql = (
        "select day, cast(sum(faxes) as bigint) as faxes, sum(cost_usd) as cost_usd"
        f" from fax.daily_costs where day >= %s and day < %s and {of_account} group by 1"
    )
    spent = {row["day"]: row for row in read(sql, month, month_after(month), *account)}
    return [spent.get(day, {"day": day, "faxes": 0, "cost_usd": ZERO}) for day in days_of(month)]
