"""How far the run of an account is: faxes, rate, percent and time left."""

import time
from dataclasses import dataclass
from datetime import timedelta

from sources.extract.window_result import WindowResult
from sources.load.run import Run
from sources.window import SECOND, Window, rfc3339


@dataclass(frozen=True)
class Figures:
    """How far a run is. `percent` is None until its first fax is known."""

    account: str
    faxes: int
    requests: int
    seconds: float
    percent: float | None
    reached: str | None  # the creation time up to which faxes have been read, RFC 3339
    doing: str

    @property
    def faxes_per_second(self) -> float:
        """The rate since the run began."""
        return self.faxes / max(self.seconds, 0.001)

    @property
    def seconds_left(self) -> float | None:
        """The time left at that rate; None if there is too little to judge by."""
        if self.percent is None or not 1 <= self.percent < 100 or self.seconds < 1:
            return None
        return self.seconds * (100 - self.percent) / self.percent

    def __str__(self) -> str:
        """One line for a person."""
        percent = "" if self.percent is None else f"{self.percent:.0f} %, "
        left = "" if self.seconds_left is None else f", {duration(self.seconds_left)} left"
        reached = f", created up to {self.reached[:10]}" if self.reached else ""
        return (
            f"{self.account}: {percent}{self.faxes:,} faxes ({self.faxes_per_second:,.0f}/s), "
            f"{self.requests:,} request{'' if self.requests == 1 else 's'}{reached}{left}: {self.doing}"
        )


def duration(seconds: float) -> str:
    """A time span in words."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def figures(account: str, run: Run, began: float) -> Figures:
    """How far the run is now; `began` is of the monotonic clock."""
    done = run.tally.windows.copy()  # the threads that read change this and the counts: a window must not be in both
    reached = done[-1].window.end if done else None
    counts = run.window_counts.copy()
    reading = {window: count for window, count in counts.items() if not reached or window.start >= reached}
    return Figures(
        account,
        sum(result.rows_taken for result in done) + sum(seen for seen, _ in reading.values()),
        run.client.usage.requests,
        time.monotonic() - began,
        _percent(run, done, {window: (seen, total) for window, (seen, total) in reading.items() if total is not None}),
        rfc3339(reached) if reached else None,
        _waiting(run) or _doing(run),
    )


def _doing(run: Run) -> str:
    """What the run does, with the name of the list if it is not the account's first."""
    is_further = run.doing == "reading" and run.source.listing > 0
    return f"reading {run.source.table.name}" if is_further else run.doing


def _waiting(run: Run) -> str:
    """What the run waits for, in words; empty if it does not."""
    pace = run.client.pace
    if run.doing != "loading" and (seconds := pace.pause_seconds) >= 1:
        return f"waiting {seconds:.0f} s {'because the provider asked' if pace.is_asked else 'to try again'}"
    if run.doing == "reading" and run.pace is not None and run.pace < 1:
        return f"reading, slowed by the provider to a request every {1 / run.pace:.0f} s"
    return ""


def _percent(run: Run, done: list[WindowResult], reading: dict[Window, tuple[int, int]]) -> float | None:
    """The part that has been read: of the faxes if the provider counts those of a window, else of the time.

    The faxes of the time that has not been counted yet are estimated by the density of the newest windows; they are at
    least those that windows had which were too large to be counted. The time is that from the first fax on. `done` are
    the windows in the tally; `reading` has those that are being read: the faxes so far, and the count.
    """
    windows = [result for result in done if result.rows_taken]
    if not windows and not any(total for _, total in reading.values()):
        return None
    reached = done[-1].window.end if done else run.spans[0].start
    if not reading and windows[-1].total is None:
        read = _time(run.spans, Window(windows[0].window.start, reached)).total_seconds()
        left = _time(run.spans, Window(reached, run.spans[-1].end)).total_seconds()
        return 100 * read / max(read + left, 1)
    newest = windows[-1:]
    rows = sum(result.rows_taken for result in newest) + sum(total for _, total in reading.values())
    counted = sum((window.length for window in reading), timedelta())
    density = rows / max(counted + sum((result.occupied for result in newest), timedelta()), SECOND).total_seconds()
    uncounted = _time(run.spans, Window(reached, run.spans[-1].end)) - counted
    read = sum(result.rows_taken for result in windows) + sum(seen for seen, _ in reading.values())
    left = sum(max(total - seen, 0) for seen, total in reading.values())
    known = {result.window: result.rows_taken for result in windows} | {window: n for window, (_, n) in reading.items()}
    crowds = [
        least - sum(count for window, count in known.items() if window.start >= crowd.start and window.end <= crowd.end)
        for crowd, least in run.min_counts.copy().items()
        if crowd.end > reached
    ]
    return 100 * read / max(read + left + max(density * uncounted.total_seconds(), 0, *crowds), 1)


def _time(spans: list[Window], within: Window) -> timedelta:
    """How much of `within` lies in the spans."""
    lengths = (min(span.end, within.end) - max(span.start, within.start) for span in spans)
    return sum((max(length, timedelta()) for length in lengths), timedelta())
