"""How wide a window should be, and how a provider reads the bounds it is given. Pure functions of time."""

from datetime import datetime, timedelta

from sources.window import DAY, SECOND, Window

ROWS_AIMED_AT = 8_000  # per window: below the 10,000 that Phaxio counts, with room for a busier hour
_MIDNIGHTS = (
    0,
    5,
    6,
)  # hours of UTC at which a day begins: in UTC, in US Central time with and without daylight saving


def proves_instants(asked: Window, created_at: datetime) -> bool:
    """A fax created on the very date of a bound, in UTC as well as in US Central time, is one that a provider would
    leave out if it compared dates and took the bound's own day as outside."""
    return (
        asked.start <= created_at < _midnight_after(asked.start)
        or _midnight_before(asked.end) <= created_at < asked.end
    )


def _midnight_after(instant: datetime) -> datetime:
    return min(_day(instant, hour) + DAY for hour in _MIDNIGHTS)


def _midnight_before(instant: datetime) -> datetime:
    return max(_day(instant, hour) for hour in _MIDNIGHTS)


def _day(instant: datetime, hour: int) -> datetime:
    """The last time at or before `instant` that the clock showed this hour of UTC."""
    today = instant.replace(hour=hour, minute=0, second=0, microsecond=0)
    return today if today <= instant else today - DAY


def whole_half(window: Window) -> timedelta:
    """Half a window's length, in whole seconds, one at the least."""
    return max(SECOND, timedelta(seconds=int(window.length.total_seconds()) // 2))


def next_length(length: timedelta, rows: int) -> timedelta:
    """How long the next window should be after one of `length` that held so many rows."""
    factor = min(4.0, ROWS_AIMED_AT / rows) if rows else 4.0
    return max(SECOND, timedelta(seconds=int(min(length.total_seconds(), 1e10) * factor)))
