"""Progress on a terminal: a line for each account that is being synced, which vanish at the end."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from pipelines.cli.progress import Figures, Progress, duration


@contextmanager
def drawn(shown: Progress) -> Iterator[None]:
    """Draws the runs under way on stderr while the block runs."""
    with Live(_Screen(shown), console=Console(stderr=True), transient=True, refresh_per_second=4):
        yield


class _Screen:
    """The lines as they are when rich draws them."""

    def __init__(self, shown: Progress) -> None:
        self._shown = shown

    def __rich__(self) -> Group:
        rows = [_cells(figure) for figure in self._shown.figures()]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
        megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        memory = [Text(f"{megabytes:,} MB of memory", "dim")] if rows else []
        return Group(*(Text(line, no_wrap=True, overflow="ellipsis") for line in lines), *memory)


def _cells(figure: Figures) -> tuple[str, ...]:
    return (
        figure.account,
        "" if figure.percent is None else f"{figure.percent:.0f} %",
        f"{figure.faxes:,} faxes",
        f"{figure.faxes_per_second:,.0f}/s",
        f"to {figure.reached[:10]}" if figure.reached else "",
        "" if figure.seconds_left is None else f"{duration(figure.seconds_left)} left",
        figure.doing,
        f"{figure.requests:,} request{'' if figure.requests == 1 else 's'}",
    )
