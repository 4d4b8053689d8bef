"""Progress on a terminal: a table with a row for each account that is being synced, which vanishes at the end."""

import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from pipelines.cli.progress import Progress
from pipelines.cli.progress_figures import Figures, duration


@contextmanager
def drawn(shown: Progress) -> Iterator[None]:
    """Draws the runs under way on stderr while the block runs."""
    with Live(_Screen(shown), console=Console(stderr=True), transient=True, refresh_per_second=4):
        yield


class _Screen:
    """The table as it is when rich draws it."""

    def __init__(self, shown: Progress) -> None:
        self._shown = shown

    def __rich__(self) -> Group:
        figures = self._shown.figures()
        if not figures:
            return Group()
        table = Table(box=None, header_style="dim", pad_edge=False)
        for head in ("account", "done", "faxes", "/s", "read to", "left", "now"):
            table.add_column(head, justify="left" if head in ("account", "now") else "right", no_wrap=head != "now")
        for figure in figures:
            table.add_row(*_cells(figure))
        requests = sum(figure.requests for figure in figures)
        usage = f"{requests:,} request{'' if requests == 1 else 's'}, {peak_megabytes():,} MB of memory"
        return Group(table, Text(usage, "dim"))


def peak_megabytes() -> int:
    """The most memory that this process has had, in MB of 2**20 bytes.

    `ru_maxrss` also counts the program that started this one, because Linux keeps its maximum through `exec`.
    Sources: getrusage(2) and proc_pid_status(5) of man7.org, read November 2026.
    """
    try:
        return int(Path("/proc/self/status").read_text("utf-8").partition("VmHWM:")[2].split()[0]) // 1024
    except (OSError, IndexError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (2**20 if sys.platform == "darwin" else 1024)


def _cells(figure: Figures) -> tuple[str, ...]:
    return (
        figure.account,
        "" if figure.percent is None else f"{figure.percent:.0f} %",
        f"{figure.faxes:,}",
        f"{figure.faxes_per_second:,.0f}",
        figure.reached[:10] if figure.reached else "",
        "" if figure.seconds_left is None else duration(figure.seconds_left),
        figure.doing,
    )
