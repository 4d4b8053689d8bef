"""Times for the fake providers: bounds and their readings, plausible instants, and the dates of a demo account."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta, tzinfo
from random import Random
from typing import NamedTuple
from zoneinfo import ZoneInfo

EARLIEST = datetime.min.replace(tzinfo=UTC)
LATEST = datetime.max.replace(tzinfo=UTC)
DAY = timedelta(days=1)
DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
TICK = timedelta(microseconds=1)
US_CENTRAL = ZoneInfo("America/Chicago")


def instant(text: str) -> datetime:
    """The instant of an ISO 8601 text with an offset, in UTC."""
    return datetime.fromisoformat(text).astimezone(UTC)


def instant_of(text: str, form: re.Pattern[str], zone: tzinfo = UTC) -> datetime:
    """The instant of a text of this form, in UTC; without an offset, the text is in `zone`.

    Raises:
        ValueError: the text has another form, or is no date.
        OverflowError: the instant is outside the years 1 to 9999.
    """
    if not form.fullmatch(text):
        raise ValueError(text)
    at = datetime.fromisoformat(text)
    return (at if at.tzinfo else at.replace(tzinfo=zone)).astimezone(UTC)


def utc_now() -> datetime:
    """The current time, UTC."""
    return datetime.now(UTC)


def midnight(at: datetime) -> datetime:
    """The start of the day, in the time zone of `at`."""
    return datetime.combine(at, time.min, at.tzinfo)


def span(after: datetime, before: datetime, bounds: str, read_bounds_as: str) -> tuple[datetime, datetime]:
    """The first instant within the bounds and the first after them, for this reading of the bounds."""
    step = TICK
    if read_bounds_as == "dates":
        after, before, step = midnight(after), midnight(before), DAY
    if bounds == "inclusive":
        return after, _later(before, step)
    return _later(after, step) if after > EARLIEST else after, before


def heeds(reading: str, name: str, bound: str) -> bool:
    """A provider with this reading of its filter heeds the bound of this name."""
    if reading.endswith("unless a bare date"):
        return DATE.fullmatch(bound) is not None
    return reading not in ("ignored", f"{name} ignored")


def _later(at: datetime, step: timedelta) -> datetime:
    return LATEST if at > LATEST - step else at + step


def spread(count: int, start: datetime, end: datetime, rng: Random) -> list[datetime]:
    """Random whole seconds of [start, end), ascending: a few are equal, and some are near each change of US clocks."""
    length = int((end - start).total_seconds())
    seconds = [rng.randrange(length) for _ in range(count)]
    about = [turn + minutes * 60 for turn in _clock_changes(start, end) for minutes in (-30, -30, 30, 30)]
    near = [second for second in about if 0 <= second < length][: count // 4]
    seconds = sorted(near + seconds[len(near) :])
    seconds[7::23] = seconds[6:-1:23]
    return [start + timedelta(seconds=second) for second in seconds]


def _clock_changes(start: datetime, end: datetime) -> Iterator[int]:
    day = midnight(start)
    while day < end:
        offset = day.astimezone(US_CENTRAL).utcoffset()
        if offset != (day + DAY).astimezone(US_CENTRAL).utcoffset():
            yield int((day + timedelta(hours=2) - (offset or DAY) - start).total_seconds())
        day += DAY


class Chapter(NamedTuple):
    """A part of a demo account: `number` records over [start, end), of which only those before `until` exist yet."""

    number: int
    start: datetime
    end: datetime
    until: datetime


def diary(now: datetime) -> Iterator[Chapter]:
    """Thirteen months with one record a day, each month always the same, then today with one every 37 minutes."""
    today = midnight(now.astimezone(UTC))
    month = (today - 395 * DAY).replace(day=1)
    while month < today:
        following = (month + 31 * DAY).replace(day=1)
        yield Chapter((following - month).days, month, following, min(following, today))
        month = following
    yield Chapter(39, today, today + DAY, now)
