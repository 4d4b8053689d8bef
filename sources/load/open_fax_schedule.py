"""When a fax that is not final is asked for by its id: at growing intervals after its creation, then once a day.

Pure functions. The times follow from the fax's id and creation time, so that nothing has to be stored for each fax:
one instant for each account says how far its faxes have been asked for.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple
from zlib import crc32

from sources.load.stored import OpenFax
from sources.window import DAY

AGES = (timedelta(minutes=5), timedelta(minutes=15), timedelta(hours=1), timedelta(hours=4))
SPREAD = timedelta(minutes=1)  # over which faxes of the same age are distributed, so that no two are due at one instant


class Due(NamedTuple):
    """A fax, the time `at` which it was to be asked for, and the interval since the time before that."""

    at: datetime
    interval: timedelta
    fax: OpenFax


def next_due(fax: OpenFax, after: datetime) -> Due:
    """The first time after `after` at which the fax is to be asked for."""
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


def due(faxes: Iterable[OpenFax], asked_until: datetime, now: datetime) -> list[Due]:
    """The faxes to ask for by now, if all that were due up to `asked_until` have been asked for; oldest due first."""
    found = [next_due(fax, resumed(asked_until, now)) for fax in faxes]
    return sorted((due for due in found if due.at <= now), key=lambda due: (due.at, str(due.fax.id)))


def resumed(asked_until: datetime, now: datetime) -> datetime:
    """Where to go on: at the same time of day, two days back at most.

    Whole days are skipped, for a fax need not be asked for once for each day that was missed. The time of day is kept,
    because it says whose turn it is where more faxes are due than a run may ask for.
    """
    missed = (now - asked_until) // DAY
    return min(asked_until + max(0, missed - 1) * DAY, now)
