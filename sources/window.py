"""Windows of creation time, in UTC, and the text forms of instants. No function reads a clock."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
FIRST_INSTANT = datetime.min.replace(tzinfo=UTC)
LAST_INSTANT = datetime.max.replace(tzinfo=UTC)

# The forms of servers besides ISO 8601: `2026-11-20 10:00:00 UTC`, and RFC 2822, section 3.3. All digits are ASCII.
_ISO_AND_ZONE = re.compile(
    r"(?P<at>\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?) ?(?P<zone>[Zz]|UTC|GMT|[+-]\d\d:?\d\d)", re.ASCII
)
_RFC_2822 = re.compile(
    r"(?:(?P<weekday>[A-Z][a-z]{2}), )?(?P<day>\d{1,2}) (?P<month>[A-Z][a-z]{2}) (?P<year>\d{4})"
    r" (?P<time>\d\d:\d\d(?::\d\d)?) (?P<zone>Z|UT|UTC|GMT|[+-]\d{4})",
    re.ASCII,
)
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, order=True)
class Window:
    """The creation times `[start, end)`, which are aware and in UTC.

    Adjacent windows share no instant, so a fax belongs to only one of them.
    """

    start: datetime
    end: datetime

    def __contains__(self, instant: object) -> bool:
        return isinstance(instant, datetime) and self.start <= instant < self.end

    def __str__(self) -> str:
        return f"{rfc3339(self.start)} to {rfc3339(self.end)}"

    @property
    def length(self) -> timedelta:
        """The length of the window."""
        return self.end - self.start

    def ending_by(self, end: datetime) -> "Window":
        """The part of the window before `end`; an empty window at `end` if there is no such part."""
        return Window(min(self.start, end), min(self.end, end))

    def cut(self, length: timedelta) -> "list[Window]":
        """The window cut in two after `length`, in order; the whole window if it is not longer than `length`."""
        if length >= self.length:
            return [self]
        return [Window(self.start, self.start + length), Window(self.start + length, self.end)]

    def widened(self, slack: timedelta) -> "Window":
        """The window extended by `slack` at both ends, for a provider that may read bounds as exclusive or as dates."""
        start = self.start - slack if self.start - FIRST_INSTANT > slack else FIRST_INSTANT
        return Window(start, self.end + slack if LAST_INSTANT - self.end > slack else LAST_INSTANT)


def parse_instant(text: str) -> datetime:
    """The instant of an ISO 8601 or RFC 2822 text, in UTC; a text without an offset is read as UTC.

    Raises:
        ValueError: the text has neither form, or its instant is outside the years 1 to 9999.
    """
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        instant = _parse_other_form(text.strip())
    if instant.tzinfo is None:
        return instant.replace(tzinfo=UTC)
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        raise ValueError("an instant outside the years 1 to 9999") from None


def _parse_other_form(text: str) -> datetime:
    """The instant of a text in a form that Python's ISO 8601 parser refuses."""
    if match := _ISO_AND_ZONE.fullmatch(text):
        return datetime.fromisoformat(match["at"].upper() + _offset(match["zone"]))
    match = _RFC_2822.fullmatch(text)
    if match is None or match["month"] not in _MONTHS:
        raise ValueError("not a date and time")
    month = _MONTHS.index(match["month"]) + 1
    date = f"{match['year']}-{month:02}-{int(match['day']):02}"
    instant = datetime.fromisoformat(f"{date}T{match['time']}{_offset(match['zone'])}")
    if match["weekday"] not in (None, _WEEKDAYS[instant.weekday()]):
        raise ValueError("a date with the wrong day of the week")
    return instant


def _offset(zone: str) -> str:
    return zone if zone[0] in "+-" else "+00:00"


def rfc3339(instant: datetime) -> str:
    """The instant as `2024-05-06T12:20:00Z`, truncated to seconds, the finest unit that both providers document."""
    return instant.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"


def iso_date(instant: datetime) -> str:
    """The UTC date of the instant as `2024-05-06`."""
    return instant.astimezone(UTC).strftime("%Y-%m-%d")


def whole_second(instant: datetime) -> datetime:
    """The instant truncated to seconds, in UTC; an instant without an offset is read as UTC."""
    aware = instant if instant.tzinfo else instant.replace(tzinfo=UTC)
    return aware.astimezone(UTC).replace(microsecond=0)
