"""A month's figures in sentences."""

from collections.abc import Iterator

from pipelines.config.accounts import Account
from pipelines.config.bootstrap import command
from pipelines.costs.figures import MonthFigures
from pipelines.costs.money import ZERO, change, dollars
from pipelines.costs.months import month_before
from pipelines.warehouse.read_only import Row

_KINDS = {"number": "pairs of numbers", "tag": "tags", "account": "accounts and directions"}


def headline(figures: MonthFigures, timezone: str) -> tuple[str, str]:
    """The title, and a line with the last day read, the currency and the time zone."""
    through = [account.through_day for account in figures.accounts if account.through_day]
    span = f"read through {max(through):%-d %B}, " if through else ""
    account = f" of {figures.selection.account}" if figures.selection.account else ""
    return f"Fax costs{account}, {figures.month:%B %Y}", f"{span}US dollars, days in {timezone}"


def against_last_month(figures: MonthFigures) -> str:
    """The change of cost from the month before: up to the same day until the month is over, then of the whole month."""
    now, then, total = figures.amount("cost_usd"), figures.amount("before_usd"), figures.amount("before_total_usd")
    if not figures.is_open:
        return f"{change(now, total)}, from {dollars(total)}"
    return f"{change(now, then)}, from {dollars(then)} by the same day, {dollars(total)} in total"


def before(figures: MonthFigures) -> str:
    """The name of the month before."""
    return f"{month_before(figures.month):%B}"


def forecast(figures: MonthFigures) -> str | None:
    """The expected cost of the whole month, with its range if past months give one; None without a forecast."""
    expected, low, high = (figures.forecast(name) for name in ("forecast_usd", "forecast_low_usd", "forecast_high_usd"))
    if not figures.is_open or expected is None:
        return None
    if low is None or high is None:
        return f"{dollars(expected)} at this pace"
    span = " to ".join(dict.fromkeys((dollars(low), dollars(high))))  # one amount, if past months added nothing
    return f"{dollars(expected)} at this pace; {span} judging by past months"


def balance(rows: list[Row]) -> str | None:
    """The sum of the accounts' last balances, and what the costs of the faxes leave unexplained; None without any."""
    if not rows:
        return None
    total, day = sum((row["balance_usd"] for row in rows), ZERO), max(row["day"] for row in rows)
    where = f"in {len(rows):,} accounts" if len(rows) > 1 else f"at {Account(rows[0]['provider'], rows[0]['account'])}"
    text = f"{dollars(total)} {where} on {day:%-d %B}"
    drifts = [row["drift_usd"] for row in rows if row["drift_usd"] is not None]
    if not drifts:
        return text
    drift = dollars(sum(drifts, ZERO))
    if drift in ("$0.00", "-$0.00"):
        return f"{text}; the cost of the faxes explains its changes"
    return (
        f"{text}; {drift.removeprefix('-')} {'less' if drift[0] == '-' else 'more'} than the cost of the faxes explains"
    )


def breakdown(figures: MonthFigures) -> str:
    """What the rows of the breakdown are; of one number or tag, also how many faxes and what they cost."""
    selection, rows = figures.selection, figures.breakdown
    if not selection.chosen:
        return f"Most expensive {_KINDS[selection.by]}"
    counted = "deliveries" if selection.by == "number" else "faxes"
    count, cost = sum(row[counted] for row in rows), sum((row["cost_usd"] for row in rows), ZERO)
    return f"{selection.by.capitalize()} {selection.chosen}: {count:,} {counted}, {dollars(cost)}"


def failures(figures: MonthFigures) -> str:
    """How many deliveries failed, their cost, and how many were retried."""
    failed, retried = (sum(row[name] for row in figures.failures) for name in ("failures", "retried"))
    cost = sum((row["cost_usd"] for row in figures.failures), ZERO)
    return f"Failed deliveries: {failed:,}, which cost {dollars(cost)}; {retried:,} were retried"


def notes(figures: MonthFigures) -> Iterator[str]:
    """One sentence for each other fact that a reader should know."""
    if not figures.count("faxes"):
        yield _no_faxes(figures)
    for account in figures.accounts:
        if account.is_open and account.through_day is None:
            yield f"{account} has not been read in this month yet: run {command('sync')}"
    for row in figures.times[:2]:
        median, p95 = minutes(row["median_seconds"]), minutes(row["p95_seconds"])
        yield f"{Account(row['provider'], row['account'])}: delivery took {median} (median), {p95} (95th percentile)."
    if figures.count("open_faxes"):
        yield "The cost of open faxes may still change."
    if unpriced := figures.count("unpriced_faxes"):
        yield f"Delivered faxes without a cost in US dollars: {unpriced:,}. No sum contains them."
    if figures.perhaps_tests:
        yield f"Faxes that may be tests, and are counted: {figures.perhaps_tests:,}. Their is_test is null."
    if figures.selection.chosen and not figures.breakdown:
        form = ": a number begins with + and the country code" * (figures.selection.number[:1] not in ("", "+"))
        yield f"Nothing in this month has the {figures.selection.by} {figures.selection.chosen}{form}."
    if figures.selection.by == "tag" and not figures.selection.tag:
        yield "A fax with several tags is counted under each of them."


def minutes(seconds: float) -> str:
    """A duration, as `4 min 20 s`."""
    whole = round(seconds)
    return f"{whole // 60} min {whole % 60} s" if whole >= 60 else f"{whole} s"


def _no_faxes(figures: MonthFigures) -> str:
    if figures.earliest is None or figures.latest is None:
        if figures.selection.account:
            return f"There are no faxes of {figures.selection.account} in the warehouse."
        return "There are no faxes in the warehouse yet."
    return f"This month has no faxes: the warehouse has some from {figures.earliest:%Y-%m} to {figures.latest:%Y-%m}."
