"""The days of an invoice in its provider's time zone, and which parts of them are not proven in the warehouse."""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import sources
from pipelines.warehouse.read_only import Read
from sources.load.run import PROVEN
from sources.window import DAY, Window

_UNKNOWN = "UTC"
_PROVEN = f"""
    select from_at, to_at from fax.sync_windows
    where provider = %s and account = %s and from_at < %s and to_at > %s
        and proof in ({", ".join(f"'{proof}'" for proof in PROVEN)})
    order by 1, 2
"""


def billing_zone(provider: str) -> str:
    """The name of the time zone in which the provider's billing months begin."""
    zone: str = getattr(sources.provider(provider), "BILLING_ZONE", _UNKNOWN)
    return zone


def span(provider: str, first: date, last: date) -> Window:
    """The instants of these days in the provider's time zone; the last day is within."""
    zone = ZoneInfo(billing_zone(provider))
    start, end = (datetime.combine(day, time(), zone).astimezone(UTC) for day in (first, last + DAY))
    return Window(start, end)


def not_proven(read: Read, provider: str, account: str, window: Window, kept_from: datetime | None) -> list[Window]:
    """The parts of the window that no run has proven, in order, and what is older than the faxes that are kept."""
    rows = read(_PROVEN, provider, account, window.end, window.start)
    spans = [Window(row["from_at"].astimezone(UTC), row["to_at"].astimezone(UTC)) for row in rows]
    if kept_from is not None:
        spans = [Window(max(kept_from, span.start), span.end) for span in spans if span.end > kept_from]
    return list(_holes(window, spans))


def _holes(window: Window, spans: Iterable[Window]) -> Iterator[Window]:
    """What the spans, ordered by their start, leave of the window."""
    reached = window.start
    for span in spans:
        if span.start > reached:
            yield Window(reached, min(span.start, window.end))
        reached = max(reached, span.end)
    if reached < window.end:
        yield Window(reached, window.end)
