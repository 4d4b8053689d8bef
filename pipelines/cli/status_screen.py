"""The status on a terminal: the accounts, the last runs, and what to do next."""

from collections.abc import Collection, Sequence
from datetime import datetime

from rich.console import Console
from rich.table import Table

from pipelines.health.sync_status import ending_of, name_of
from pipelines.warehouse.read_only import Row


def show(states: Collection[Row], runs: Collection[Row], steps: Sequence[str]) -> None:
    """Prints the status; times are UTC."""
    console = Console()
    console.print(_accounts(states) if states else "No account has been synced yet.")
    if runs:
        console.print(_runs(runs))
    for step in steps:
        console.print(step, style="red", soft_wrap=True, markup=False, highlight=False)
    if not steps:
        console.print("Nothing to do.")


def _accounts(states: Collection[Row]) -> Table:
    table = Table(title="Accounts (UTC)", title_justify="left", box=None, header_style="bold", pad_edge=False)
    for head in ("account", "last read", "read to", "proven to"):
        table.add_column(head, no_wrap=head == "account")
    table.add_column("open", justify="right")
    for row in states:
        times = (_time(row[name]) for name in ("looked_at", "read_to", "proven_to"))
        table.add_row(name_of(row), *times, f"{row['open_faxes']:,}")
    return table


def _runs(runs: Collection[Row]) -> Table:
    title = "\nLast runs that loaded something, or failed"
    table = Table(title=title, title_justify="left", box=None, header_style="bold", pad_edge=False)
    for head in ("began", "account", "ended"):
        table.add_column(head, no_wrap=head == "account", overflow="fold")
    for head in ("new", "changed", "requests", "time"):
        table.add_column(head, justify="right", no_wrap=True)
    for row in runs:
        style = "red" if row["exit_code"] not in (0, 75, 130, 143) else ""
        counts = (f"{row[name] or 0:,}" for name in ("rows_new", "rows_changed", "requests"))
        ending, _ = ending_of(row["exit_code"])
        table.add_row(_time(row["started_at"]), name_of(row), ending, *counts, f"{row['seconds']:,.1f} s", style=style)
    return table


def _time(instant: datetime | None) -> str:
    return f"{instant:%Y-%m-%d %H:%M}" if instant else "–"
