"""The days of an invoice in its provider's time zone, and which parts of them are not proven in the warehouse."""

from datetime import UTC, date, datetime, time

import sources
from pipelines.config.settings import time_zone
from pipelines.warehouse.read_only import Read
from sources.extract.source import Source
from sources.extract.window_result import PROVEN
from sources.window import DAY, Window

_UNKNOWN = "UTC"
_WINDOWS = f"""
    select table_name, from_at, to_at, proof in ({", ".join(f"'{proof}'" for proof in PROVEN)}) as is_proven
    from fax.sync_windows
    where provider = %s and account = %s and from_at < %s and to_at > %s
"""


def billing_zone(provider: str) -> str:
    """The name of the time zone in which the provider's billing months begin."""
    zone: str = getattr(sources.provider(provider), "BILLING_ZONE", _UNKNOWN)
    return zone


def span(provider: str, first: date, last: date) -> Window:
    """The instants of these days in the provider's time zone; the last day is within."""
    zone = time_zone(billing_zone(provider))
    start, end = (datetime.combine(day, time(), zone).astimezone(UTC) for day in (first, last + DAY))
    return Window(start, end)


def not_proven(read: Read, provider: str, account: str, window: Window, kept_from: datetime | None) -> list[Window]:
    """The parts of the window that no run has proven, in order, and what is older than the faxes that are kept.

    The list of faxes must be proven, and each further list of which a window was read: any may have a fax alone.
    """
    spans: dict[str, list[Window]] = {Source(provider).table.name: []}
    for row in read(_WINDOWS, provider, account, window.end, window.start):
        walked = Window(row["from_at"].astimezone(UTC), row["to_at"].astimezone(UTC))
        of_list = spans.setdefault(row["table_name"], [])
        if row["is_proven"] and (kept_from is None or walked.end > kept_from):
            of_list.append(Window(max(kept_from or walked.start, walked.start), walked.end))
    return sorted({hole for of_list in spans.values() for hole in window.without(of_list)})
