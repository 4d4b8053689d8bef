"""A month's figures in words."""

from collections.abc import Iterator

from pipelines.config.accounts import Account
from pipelines.costs.figures import MonthFigures
from pipelines.costs.money import ZERO, change, dollars
from pipelines.costs.months import month_before


def headline(figures: MonthFigures, timezone: str) -> tuple[str, str]:
    """The title, and what the figures cover."""
    through = [account.through_day for account in figures.accounts if account.through_day]
    span = f"read through {max(through):%-d %B}, " if through else ""
    return f"Fax costs, {figures.month:%B %Y}", f"{span}US dollars, days of {timezone}"


def against_last_month(figures: MonthFigures) -> str:
    """What has changed since the month before: by the same day, until the month is over."""
    now, then, total = figures.amount("cost_usd"), figures.amount("before_usd"), figures.amount("before_total_usd")
    if not figures.is_open:
        return f"{change(now, total)}, from {dollars(total)}"
    return f"{change(now, then)}, from {dollars(then)} by the same day, {dollars(total)} in all"


def before(figures: MonthFigures) -> str:
    """The month before, in words."""
    return f"{month_before(figures.month):%B}"


def forecast(figures: MonthFigures) -> str | None:
    """What the whole month will probably cost; None if it is over, or nothing tells."""
    most_likely, low, high = (
        figures.forecast(name) for name in ("forecast_usd", "forecast_low_usd", "forecast_high_usd")
    )
    if not figures.is_open or most_likely is None:
        return None
    if low is None or high is None:
        return f"{dollars(most_likely)} for the whole month"
    return f"{dollars(most_likely)} for the whole month; going by past months, {dollars(low)} to {dollars(high)}"


def failures(figures: MonthFigures) -> str:
    """How many deliveries have failed, what they cost, and how many were tried again."""
    failed, retried = (sum(row[name] for row in figures.failures) for name in ("failures", "retried"))
    cost = sum((row["cost_usd"] for row in figures.failures), ZERO)
    return f"Failed deliveries: {failed:,}, which cost {dollars(cost)}; {retried:,} were tried again"


def notes(figures: MonthFigures) -> Iterator[str]:
    """What else a reader should know, one sentence each."""
    if not figures.count("faxes"):
        yield _nothing(figures)
    for account in figures.accounts:
        if account.is_open and account.through_day is None:
            yield f"{account} has not been read in this month yet: run sync.py."
    for row in figures.times[:2]:
        half, most = minutes(row["median_seconds"]), minutes(row["p95_seconds"])
        whose = Account(row["provider"], row["account"])
        yield f"{whose}: half of what was delivered took {half} at most, and 95 of 100 {most}."
    if figures.count("open_faxes"):
        yield "What open faxes cost may still change."
    if figures.perhaps_tests:
        yield f"{figures.perhaps_tests:,} faxes are counted that may be tests: is_test of fax.faxes is unknown."
    if figures.by == "tag":
        yield "A fax with several tags stands under each of them."


def minutes(seconds: float) -> str:
    """A duration, as `4 min 20 s`."""
    whole = round(seconds)
    return f"{whole // 60} min {whole % 60} s" if whole >= 60 else f"{whole} s"


def _nothing(figures: MonthFigures) -> str:
    if figures.earliest is None or figures.latest is None:
        return "There are no faxes in the warehouse yet."
    return f"No faxes in this month: there are some from {figures.earliest:%Y-%m} to {figures.latest:%Y-%m}."
