"""Progress while a sync runs: lines that move on a terminal, else a line in the log every minute."""

import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from threading import Event, Thread

from pipelines.outcome import logs
from sources.load.run import Run
from sources.window import rfc3339

OnProgress = Callable[[str, Run], None]  # is called when an account's run begins, after each window, and at its end
LOG_SECONDS = 60.0


@dataclass(frozen=True)
class Figures:
    """How far a run is. `percent` is that of the time from its first fax on, None before that fax."""

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


def figures(account: str, run: Run, began: float) -> Figures:
    """How far the run is now; `began` is of the monotonic clock."""
    tally, pause = run.tally, run.client.pace.pause_seconds
    first = next((result.window.start for result in tally.windows if result.rows_taken), None)
    return Figures(
        account,
        tally.new + tally.changed + tally.unchanged,
        run.client.usage.requests,
        time.monotonic() - began,
        _percent(run, first) if first and tally.reached else None,
        rfc3339(tally.reached) if tally.reached else None,
        f"waiting {pause:.0f} s for the provider" if pause >= 1 else run.doing,
    )


def _percent(run: Run, first: datetime) -> float:
    reached, end = run.tally.reached or first, run.spans[-1].end
    return 100.0 * max(0.0, min(1.0, (reached - first) / max(end - first, end.resolution)))


def duration(seconds: float) -> str:
    """A time span in words."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


class Progress:
    """The runs under way, and the call that keeps them so."""

    def __init__(self) -> None:
        self._active: dict[str, tuple[Run, float]] = {}

    def __call__(self, account: str, run: Run) -> None:
        """Notes that a run has begun, got further, or ended."""
        _, began = self._active.get(account, (run, time.monotonic()))
        if run.doing:
            self._active[account] = run, began
        else:
            self._active.pop(account, None)

    def figures(self) -> list[Figures]:
        """How far each run under way is now."""
        return [figures(account, run, began) for account, (run, began) in list(self._active.items())]


@contextmanager
def progress(quiet: bool = False) -> Iterator[OnProgress]:
    """Yields the function to call: on a terminal it moves lines, else every window and every minute goes to the log."""
    shown = Progress()
    if sys.stderr and sys.stderr.isatty() and not logs.is_json() and not quiet:
        from pipelines.cli.progress_screen import drawn  # noqa: PLC0415  # a run from cron draws nothing

        with drawn(shown):
            yield shown
        return

    def note(account: str, run: Run) -> None:
        shown(account, run)
        _log_window(account, run)

    ended = Event()
    Thread(target=_log_minutes, args=(shown, ended), daemon=True).start()
    try:
        yield note
    finally:
        ended.set()


def _log_minutes(shown: Progress, ended: Event) -> None:
    while not ended.wait(LOG_SECONDS):
        for figure in shown.figures():
            left = figure.seconds_left
            logs.event(
                logging.INFO,
                str(figure),
                event="progress",
                **asdict(figure),
                faxes_per_second=round(figure.faxes_per_second, 1),
                seconds_left=None if left is None else round(left),
            )


def _log_window(account: str, run: Run) -> None:
    if not run.doing or not run.tally.windows:
        return
    result = run.tally.windows[-1]
    logs.event(
        logging.INFO if logs.is_json() else logging.DEBUG,
        f"{account}: {result.window}: {result.rows_taken} faxes, {result.proof}",
        run_id=run.request.run_id,
        account=account,
        window=[rfc3339(result.window.start), rfc3339(result.window.end)],
        rows=result.rows_taken,
        proof=result.proof,
        requests=run.client.usage.requests,
    )
