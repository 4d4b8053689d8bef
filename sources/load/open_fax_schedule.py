"""The schedule of re-reads: an open fax is re-read by its id at growing intervals after its creation, then once a day.

Pure functions. The instants follow from the fax's id and creation time, so the warehouse stores no schedule. It stores
one instant for each account: `reread_until`, up to which all re-reads that were due have been made.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple
from zlib import crc32

from sources.load.stored import OpenFax
from sources.window import DAY

AGES = (timedelta(minutes=5), timedelta(minutes=15), timedelta(hours=1), timedelta(hours=4))
SPREAD = timedelta(minutes=1)  # faxes of the same age become due within this span, not all at one instant


class Due(NamedTuple):
    """An open fax, the instant `at` which its re-read is due, and the interval since the re-read before it."""

    at: datetime
    interval: timedelta
    fax: OpenFax


def next_due(fax: OpenFax, after: datetime) -> Due:
    """The first re-read of the fax that is due later than `after`."""
    share = crc32(str(fax.id).encode(errors="backslashreplace")) / 2**32
    younger = timedelta()
    for age in AGES:
        at = fax.created_at + age + share * SPREAD
        if at > after:
            return Due(at, age - younger, fax)
        younger = age
    first = fax.created_at + AGES[-1] + SPREAD + share * DAY
    days = max(0, (after - first) // DAY + 1)
    return Due(first + days * DAY, DAY, fax)


def due(faxes: Iterable[OpenFax], reread_until: datetime, now: datetime) -> list[Due]:
    """The re-reads that became due after `reread_until`, up to `now`; the oldest first."""
    found = [next_due(fax, resume_point(reread_until, now)) for fax in faxes]
    return sorted((due for due in found if due.at <= now), key=lambda due: (due.at, str(due.fax.id)))


def resume_point(reread_until: datetime, now: datetime) -> datetime:
    """`reread_until`, moved forward by whole days to at most two days before `now`.

    A fax is not re-read once for each missed day, so whole days are skipped. The time of day is kept: it decides which
    faxes come next if more are due than one run may re-read.
    """
    missed = (now - reread_until) // DAY
    return min(reread_until + max(0, missed - 1) * DAY, now)
