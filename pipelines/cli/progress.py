"""Progress while a sync runs: a bar on a terminal, else a line in the log for each window."""

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pipelines.outcome import logs
from sources.load.run import Run
from sources.window import rfc3339

OnProgress = Callable[[str, Run], None]


@contextmanager
def progress() -> Iterator[OnProgress]:
    """Yields the function to call after each window: it moves a bar if stderr is a terminal, else logs a line."""
    if not (sys.stderr and sys.stderr.isatty()) or logs.is_json():
        yield _log
        return
    from pipelines.cli.demo_summary import bar  # noqa: PLC0415  # a run from cron draws nothing

    with bar() as advance:
        yield advance


def _log(account: str, run: Run) -> None:
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
