"""The summary of a run on a terminal: a row for each account, and below it what needs attention."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from pipelines.config.bootstrap import as_typed
from pipelines.outcome.account_outcome import Outcome, completeness

_STYLES = {"failed": "bold red", "paused": "yellow", "skipped": "dim", "complete": ""}


def show(outcomes: Sequence[Outcome]) -> None:
    """Prints the outcomes; a failure is red, and its remedy on lines of its own."""
    console = Console(highlight=False, soft_wrap=True)
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("account", no_wrap=True)
    for head in ("new", "changed", "same", "time"):
        table.add_column(head, justify="right", no_wrap=True)
    for head in ("result", "up to (UTC)"):
        table.add_column(head)
    for outcome in outcomes:
        table.add_row(str(outcome.account), *_counts(outcome), *_result(outcome), style=_STYLES[outcome.status])
    Console(highlight=False).print(table)
    for outcome in outcomes:
        if outcome.error and outcome.status != "skipped":
            console.print(as_typed(f"{outcome.account}: {outcome.error}"), style=_STYLES[outcome.status], markup=False)
        for note in outcome.notes():
            console.print(f"{outcome.account}: {note}", style="yellow", markup=False)


def _counts(outcome: Outcome) -> list[str]:
    run = outcome.run
    if run is None:
        return [""] * 4
    numbers = (run.tally.new, run.tally.changed, run.tally.unchanged)
    return [*(f"{number:,}" for number in numbers), f"{outcome.seconds:,.1f} s"]


def _result(outcome: Outcome) -> tuple[str, str]:
    """How the run ended, and up to when it has read."""
    run = outcome.run
    reached = run.tally.reached if run else None
    time = f"{reached:%Y-%m-%d %H:%M}" if reached else ""
    if outcome.error:
        return ("FAILED" if outcome.status == "failed" else outcome.status), time
    if run is None or not run.spans:
        return "proven already", time
    return completeness(run).partition(" up to ")[0], time
