"""How long a window should be, and how a provider reads bounds: inclusive or exclusive, instants or dates."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from sources.window import DAY, LAST_INSTANT, SECOND, Window, iso_date, rfc3339

TARGET_ROWS = 8_700  # of a window: well below the 10,000 that a provider counts, and half a page less than whole pages
_ZONES = tuple(timezone(timedelta(hours=hours)) for hours in (0, -5, -6))  # UTC, and US Central summer and winter
_ANY_ZONE = timedelta(hours=14)  # the largest UTC offset: a provider may read bounds in its own time zone


@dataclass(frozen=True)
class BoundForm:
    """A documented form of a bound. `slack` is added at both ends of a query, so that it misses no fax.

    `has_time`: the provider may read the bound as an instant.
    """

    name: str
    write: Callable[[datetime], str]
    slack: timedelta
    has_time: bool


TIMESTAMPS = BoundForm("timestamps", rfc3339, DAY, has_time=True)  # a provider may compare only their dates
# A bare date may be exclusive, and a date in another time zone.
BARE_DATES = BoundForm("bare dates", iso_date, 2 * DAY, has_time=False)


@dataclass
class BoundSemantics:
    """How a provider reads bounds, according to its responses so far.

    `compares_instants`: a fax came that an exclusive comparison of dates would have left out.
    `compares_dates`: a fax came from outside the bounds, so windows shorter than a day make no difference.
    `form`: how bounds are written. `ignored`: the provider ignores bounds in every documented form.
    `floor`: the provider keeps nothing created before this instant (UTC), so no query asks for it.
    """

    compares_instants: bool = False
    compares_dates: bool = False
    form: BoundForm = TIMESTAMPS
    ignored: bool = False
    floor: datetime | None = None

    def switch_to(self, form: BoundForm) -> None:
        """Writes bounds in another form from now on. What responses showed about the form before is dropped."""
        self.form, self.compares_instants, self.compares_dates = form, False, not form.has_time

    def plausible_span(self, window: Window, takes_newer: bool = False) -> Window:
        """The span of creation times that a page of the window may hold if bounds are applied, in any time zone."""
        plausible = window.widened(2 * self.form.slack + _ANY_ZONE)
        return Window(plausible.start, LAST_INSTANT) if takes_newer else plausible

    def query_span(self, window: Window) -> Window:
        """The span to query for the window: wider by the slack, or by a second, and not earlier than the floor."""
        asked = window.widened(SECOND if self.compares_instants else self.form.slack)
        start = max(asked.start, self.floor) if self.floor else asked.start
        return Window(start, window.end if self.compares_instants else asked.end)

    def observe(self, asked: Window, times: Sequence[datetime]) -> None:
        """Learns from the creation times of a page of the query `asked`."""
        tolerated = asked.widened(SECOND)
        inside = [at for at in times if tolerated.start <= at <= tolerated.end]
        self.compares_dates = self.compares_dates or len(inside) < len(times)
        if self.compares_instants or not self.form.has_time:
            return
        near = (at for at in inside if at < asked.start + 2 * DAY or at > asked.end - 2 * DAY)
        self.compares_instants = any(all(_is_on_a_bound(asked, at, zone) for zone in _ZONES) for at in near)

    @property
    def is_known(self) -> bool:
        """A response has shown whether instants or dates are compared."""
        return self.compares_instants or self.compares_dates

    @property
    def min_length(self) -> timedelta:
        """The shortest window worth a query."""
        return DAY if self.compares_dates else SECOND


def _is_on_a_bound(asked: Window, created_at: datetime, zone: timezone) -> bool:
    bounds = (asked.start.astimezone(zone).date(), asked.end.astimezone(zone).date())
    return created_at.astimezone(zone).date() in bounds


def half_length(window: Window) -> timedelta:
    """Half the length of the window, in whole seconds, at least one."""
    return max(SECOND, timedelta(seconds=int(window.length.total_seconds()) // 2))


def next_length(length: timedelta, rows: int, target: int) -> timedelta:
    """The length of the next window, for about `target` faxes, after one of `length` with `rows` faxes."""
    factor = min(4.0, target / rows) if rows else 4.0
    return max(SECOND, timedelta(seconds=int(min(length.total_seconds(), 1e10) * factor)))
