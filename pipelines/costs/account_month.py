"""One account's month: counts and cost, the cost of the month before, and a forecast."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from pipelines.config.accounts import Account
from pipelines.costs.money import ZERO
from pipelines.costs.months import month_after, month_before
from pipelines.warehouse.read_only import Read, Row

_COSTS = """
    select provider, account
        , cast(coalesce(sum(case when month = %s then faxes end), 0) as bigint) as faxes
        , cast(coalesce(sum(case when month = %s then open_faxes end), 0) as bigint) as open_faxes
        , cast(coalesce(sum(case when month = %s then unpriced_faxes end), 0) as bigint) as unpriced_faxes
        , cast(coalesce(sum(case when month = %s then pages end), 0) as bigint) as pages
        , cast(coalesce(sum(case when month = %s then cost_usd end), 0) as numeric(18, 6)) as cost_usd
        , cast(coalesce(sum(case when month < %s then cost_usd end), 0) as numeric(18, 6)) as before_total_usd
    from fax.monthly_costs
    where month in (%s, %s)
    group by 1, 2
"""
_DELIVERIES = """
    select provider, account
        , cast(sum(deliveries) as bigint) as deliveries
        , cast(sum(delivered) as bigint) as delivered
        , cast(sum(failed) as bigint) as failed
        , cast(sum(partial) as bigint) as partial
    from fax.delivery_rates
    where day >= %s and day < %s
    group by 1, 2
"""
_REACHED = """
    select provider, account, month as reached, through_day, last_month_cost_usd, forecast_usd, forecast_low_usd
        , forecast_high_usd
    from fax.month_to_date
"""
_FORECASTS = ("forecast_low_usd", "forecast_usd", "forecast_high_usd")
_Key = tuple[str, str]  # provider, account


@dataclass(frozen=True)
class AccountMonth:
    """The account's counts, and amounts in US dollars.

    `before_usd` is the month before's cost up to the same day, or its whole cost once the month is over.
    `through_day` is the last day read; None once the month is over, or if the account was not read in it.
    `forecast_usd` is the expected cost of the whole month; None at its start, or if the account was not read in it.
    """

    provider: str
    account: str
    is_over: bool
    through_day: date | None
    faxes: int
    open_faxes: int
    unpriced_faxes: int
    pages: int
    deliveries: int
    delivered: int
    failed: int
    partial: int
    cost_usd: Decimal
    before_usd: Decimal
    before_total_usd: Decimal
    forecast_usd: Decimal | None
    forecast_low_usd: Decimal | None
    forecast_high_usd: Decimal | None

    @property
    def is_open(self) -> bool:
        """The account has not yet been read to the end of the month."""
        return not self.is_over

    @property
    def ended(self) -> int:
        """The number of deliveries with a final status."""
        return self.delivered + self.failed + self.partial

    def __str__(self) -> str:
        return str(Account(self.provider, self.account))


def account_months(read: Read, month: date) -> list[AccountMonth]:
    """Every account that has a fax in the month or the month before, or was read in it; the most expensive first."""
    costs = _by_account(read(_COSTS, *[month] * 6, month_before(month), month))
    deliveries = _by_account(read(_DELIVERIES, month, month_after(month)))
    reached = _by_account(read(_REACHED))
    keys = costs.keys() | {key for key, row in reached.items() if row["reached"] == month}
    accounts = [
        _account_month(key, month, costs.get(key, {}), deliveries.get(key, {}), reached.get(key)) for key in keys
    ]
    return sorted(accounts, key=lambda account: (-account.cost_usd, account.provider, account.account))


def _account_month(key: _Key, month: date, costs: Row, deliveries: Row, reached: Row | None) -> AccountMonth:
    cost: Decimal = costs.get("cost_usd", ZERO)
    before: Decimal = costs.get("before_total_usd", ZERO)
    is_over = reached is not None and reached["reached"] > month
    current: Row = reached if reached is not None and reached["reached"] == month else {}
    low, likely, high = (cost if is_over else current.get(name) for name in _FORECASTS)
    return AccountMonth(
        provider=key[0],
        account=key[1],
        is_over=is_over,
        through_day=current.get("through_day"),
        faxes=costs.get("faxes", 0),
        open_faxes=costs.get("open_faxes", 0),
        unpriced_faxes=costs.get("unpriced_faxes", 0),
        pages=costs.get("pages", 0),
        deliveries=deliveries.get("deliveries", 0),
        delivered=deliveries.get("delivered", 0),
        failed=deliveries.get("failed", 0),
        partial=deliveries.get("partial", 0),
        cost_usd=cost,
        before_usd=current.get("last_month_cost_usd") or (ZERO if current else before),
        before_total_usd=before,
        forecast_usd=likely,
        forecast_low_usd=low,
        forecast_high_usd=high,
    )


def _by_account(rows: list[Row]) -> dict[_Key, Row]:
    return {(row["provider"], row["account"]): row for row in rows}
