"""How wide a window should be, and how a provider reads the bounds it is given. Pure functions of time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from sources.window import DAY, LAST_INSTANT, SECOND, Window, iso_date, rfc3339

ROWS_AIMED_AT = 8_700  # per window: well below the 10,000 that a provider counts, and half a page short of whole ones
_ZONES = tuple(timezone(timedelta(hours=hours)) for hours in (0, -5, -6))  # UTC, and US Central summer and winter
_ANY_ZONE = timedelta(hours=14)  # as far as a zone is from UTC, for a provider that reads bounds in its own


@dataclass(frozen=True)
class BoundForm:
    """A documented way to write a bound; `slack` is how much more to ask for at both ends, to miss nothing by it.

    `tells_time`: it may be read as an instant.
    """

    name: str
    write: Callable[[datetime], str]
    slack: timedelta
    tells_time: bool


TIMESTAMPS = BoundForm("timestamps", rfc3339, DAY, tells_time=True)  # a provider may compare their dates only
BARE_DATES = BoundForm(
    "bare dates", iso_date, 2 * DAY, tells_time=False
)  # a date may lose its day, and be that of another zone


@dataclass
class BoundSemantics:
    """How a provider reads bounds, as far as its answers have shown.

    `instants`: a fax came that a comparison of dates, with the bounds' own days left out, would not have given.
    `coarse`: the bounds did not hold to the second, so a window shorter than a day is answered no shorter.
    `form` is how bounds are written. `ignored`: the provider heeds them in no form that it documents.
    `floor`: the provider keeps nothing created earlier, so nothing earlier is asked for.
    """

    instants: bool = False
    coarse: bool = False
    form: BoundForm = TIMESTAMPS
    ignored: bool = False
    floor: datetime | None = None

    def use(self, form: BoundForm) -> None:
        """Has bounds written in another form; what was learnt about the one before does not hold for it."""
        self.form, self.instants, self.coarse = form, False, not form.tells_time

    def plausible(self, window: Window, takes_newer: bool = False) -> Window:
        """Where the faxes of an answer to the window may lie, if bounds are heeded, be it by dates of any zone."""
        plausible = window.widened(2 * self.form.slack + _ANY_ZONE)
        return Window(plausible.start, LAST_INSTANT) if takes_newer else plausible

    def asked(self, window: Window) -> Window:
        """What to ask for, to get all of the window: days more at either end, or a second; nothing below a floor."""
        asked = window.widened(SECOND if self.instants else self.form.slack)
        start = max(asked.start, self.floor) if self.floor else asked.start
        return Window(start, window.end if self.instants else asked.end)

    def learn(self, asked: Window, times: Sequence[datetime]) -> None:
        """Takes note of when the faxes of an answer were created."""
        heeded = asked.widened(SECOND)
        inside = [at for at in times if heeded.start <= at <= heeded.end]
        self.coarse = self.coarse or len(inside) < len(times)
        if self.instants or not self.form.tells_time:
            return
        near = (at for at in inside if at < asked.start + 2 * DAY or at > asked.end - 2 * DAY)
        self.instants = any(all(_is_on_a_bound(asked, at, zone) for zone in _ZONES) for at in near)

    @property
    def is_known(self) -> bool:
        """The answers have shown it."""
        return self.instants or self.coarse

    @property
    def finest(self) -> timedelta:
        """The shortest window worth asking for."""
        return DAY if self.coarse else SECOND


def _is_on_a_bound(asked: Window, created_at: datetime, zone: timezone) -> bool:
    bounds = (asked.start.astimezone(zone).date(), asked.end.astimezone(zone).date())
    return created_at.astimezone(zone).date() in bounds


def whole_half(window: Window) -> timedelta:
    """Half a window's length, in whole seconds, one at the least."""
    return max(SECOND, timedelta(seconds=int(window.length.total_seconds()) // 2))


def next_length(length: timedelta, rows: int) -> timedelta:
    """How long the next window should be after one of `length` that held so many rows."""
    factor = min(4.0, ROWS_AIMED_AT / rows) if rows else 4.0
    return max(SECOND, timedelta(seconds=int(min(length.total_seconds(), 1e10) * factor)))
