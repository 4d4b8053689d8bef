"""Windows of creation time, in UTC, and the forms in which instants are written. No function reads a clock."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
FIRST_INSTANT = datetime.min.replace(tzinfo=UTC)
LAST_INSTANT = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, order=True)
class Window:
    """The creation times `[start, end)`, which are aware and in UTC.

    Adjacent windows share no instant, so a fax belongs to only one of them.
    """

    start: datetime
    end: datetime

    def __contains__(self, instant: object) -> bool:
        return isinstance(instant, datetime) and self.start <= instant < self.end

    def outside(self, instants: Iterable[datetime]) -> list[datetime]:
        """The instants that the window does not contain."""
        return [instant for instant in instants if not self.start <= instant < self.end]

    def contains_each(self, instants: Iterable[datetime]) -> list[bool]:
        """For each of the instants, whether the window contains it."""
        return [self.start <= instant < self.end for instant in instants]

    def __str__(self) -> str:
        return f"{rfc3339(self.start)} to {rfc3339(self.end)}"

    @property
    def length(self) -> timedelta:
        """The length of the window."""
        return self.end - self.start

    def ending_by(self, end: datetime) -> "Window":
        """The part of the window before `end`; an empty window at `end` if there is no such part."""
        return Window(min(self.start, end), min(self.end, end))

    def starting_from(self, start: datetime) -> "Window":
        """The part of the window from `start` on; an empty window at its end if there is no such part."""
        return Window(min(max(self.start, start), self.end), self.end)

    def cut(self, length: timedelta) -> "list[Window]":
        """The window cut in two after `length`, in order; the whole window if it is not longer than `length`."""
        if length >= self.length:
            return [self]
        return [Window(self.start, self.start + length), Window(self.start + length, self.end)]

    def without(self, others: "Iterable[Window]") -> "list[Window]":
        """The parts of the window that none of the others covers, in ascending order."""
        parts, reached = [], self.start
        for other in sorted(others):
            if (until := min(other.start, self.end)) > reached:
                parts.append(Window(reached, until))
            reached = max(reached, other.end)
        return [*parts, Window(reached, self.end)] if reached < self.end else parts

    def widened(self, slack: timedelta) -> "Window":
        """The window extended by `slack` at both ends, for a provider that may read bounds as exclusive or as dates."""
        start = self.start - slack if self.start - FIRST_INSTANT > slack else FIRST_INSTANT
        return Window(start, self.end + slack if LAST_INSTANT - self.end > slack else LAST_INSTANT)


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
