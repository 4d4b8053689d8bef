"""Progress while a sync runs: lines that move on a terminal, else a line in the log every minute."""

import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from threading import Event, Thread

from pipelines.cli.progress_figures import Figures, figures
from pipelines.outcome import logs
from sources.load.run import Run
from sources.window import rfc3339

OnProgress = Callable[[str, Run], None]  # is called when an account's run begins, after each window, and at its end
LOG_SECONDS = 60.0


@dataclass
class _Active:
    """A run under way, when it began, the highest percentage that was shown of it, and the number of faxes."""

    run: Run
    began: float
    percent: float = 0.0
    faxes: int = 0


class Progress:
    """The runs under way, and the call that keeps them so."""

    def __init__(self) -> None:
        self._active: dict[str, _Active] = {}

    def __call__(self, account: str, run: Run) -> None:
        """Notes that a run has begun, got further, or ended. An account's lists have a run each."""
        if not run.doing:
            self._active.pop(account, None)
        elif account not in self._active or self._active[account].run is not run:
            self._active[account] = _Active(run, time.monotonic())

    def figures(self) -> list[Figures]:
        """How far each run under way is now. A percentage is an estimate, but never goes back.

        The number of faxes does not go back during a load: what is read meanwhile is counted once a load takes it.
        """
        return [_shown(account, active) for account, active in list(self._active.items())]


def _shown(account: str, active: _Active) -> Figures:
    figure = figures(account, active.run, active.began)
    if figure.doing == "loading":
        figure = replace(figure, faxes=max(active.faxes, figure.faxes))
    active.faxes = figure.faxes
    if figure.percent is None:
        return figure
    active.percent = max(active.percent, figure.percent)
    return replace(figure, percent=active.percent)


@contextmanager
def progress(quiet: bool) -> Iterator[OnProgress]:
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
    level = logging.INFO if logs.is_json() else logging.DEBUG
    if not run.doing or not run.tally.windows or not logs.LOG.isEnabledFor(level):
        return
    result = run.tally.windows[-1]
    logs.event(
        level,
        f"{account}: {run.source.table.name}, {result.window}: {result.rows_taken} faxes, {result.proof}",
        run_id=run.request.run_id,
        account=account,
        table=run.source.table.name,
        window=[rfc3339(result.window.start), rfc3339(result.window.end)],
        rows=result.rows_taken,
        proof=result.proof,
        requests=run.client.usage.requests,
    )
