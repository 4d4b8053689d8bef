"""What was measured, beside what it should be."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from tests.benchmark.backfills import Backfill


@dataclass(frozen=True)
class Figure:
    """A measured value, and the most it should be."""

    name: str
    value: float
    at_most: float

    @property
    def is_met(self) -> bool:
        """It is no more than it should be."""
        return self.value <= self.at_most


def of_backfills(measured: "list[Backfill]") -> Iterator[Figure]:
    """The targets of the backfills that were measured, each a ratio to one of the others."""
    cost = {(each.name, each.destination, each.latency_ms): each.cost for each in measured}
    for destination, latency_ms, other, at_most in (
        ("duckdb", 0.0, "floor, sequential", 1.5),
        ("duckdb", 0.0, "rest_api, tuned", 0.4),
        ("duckdb", 50.0, "floor, 4 connections", 1.15),
        ("duckdb", 200.0, "floor, 4 connections", 1.15),
        ("postgres", 0.0, "floor, sequential", 1.4),
    ):
        ours, theirs = (cost.get((name, destination, latency_ms)) for name in ("sync", other))
        if ours and theirs:
            name = f"backfill into {destination}, {latency_ms:g} ms a request: wall time / {other}"
            yield Figure(name, ours.wall_seconds / theirs.wall_seconds, at_most)
            if destination == "postgres":
                name = f"log and temporary files of a backfill into {destination} / {other}"
                yield Figure(name, ours.logged_mb / theirs.logged_mb, 1.5)
    for each in measured:
        if (each.name, each.destination, each.latency_ms) == ("sync", "duckdb", 0):
            yield Figure("requests of a backfill / rows divided by 1000", each.cost.requests / each.faxes * 1000, 1.1)


def print_backfills(measured: "list[Backfill]") -> None:
    """A table of the medians; the last column is the wall time beside that of the sequential floor."""
    table = Table(title="Backfills, medians", title_justify="left")
    for name in ("", "into", "ms"):
        table.add_column(name)
    for name in ("faxes", "wall s", "CPU s", "peak MB", "requests", "faxes/s", "/ floor"):
        table.add_column(name, justify="right")
    floors = {(each.destination, each.latency_ms): each.cost for each in measured if each.name == "floor, sequential"}
    for each in measured:
        cost, floor = each.cost, floors.get((each.destination, each.latency_ms))
        seconds = [f"{cost.wall_seconds:.1f}", f"{cost.cpu_seconds:.1f}"]
        counts = [f"{cost.peak_mb:,.0f}", f"{cost.requests:,.0f}", f"{each.faxes / cost.wall_seconds:,.0f}"]
        is_same = floor and each.faxes == max(other.faxes for other in measured)
        ratio = f"{cost.wall_seconds / floor.wall_seconds:.2f}" if floor and is_same else ""
        latency, faxes = f"{each.latency_ms:g}", f"{each.faxes:,}"
        table.add_row(each.name, each.destination, latency, faxes, *seconds, *counts, ratio)
    Console(width=110).print(table)


def print_figures(figures: list[Figure]) -> None:
    """A table of what was measured beside what it should be."""
    table = Table("what", title="Targets", title_justify="left")
    for name in ("measured", "at most"):
        table.add_column(name, justify="right")
    for figure in figures:
        value = f"{figure.value:,.2f}".removesuffix(".00")
        table.add_row(figure.name, value if figure.is_met else f"[bold]{value}[/bold]", f"{figure.at_most:,g}")
    Console(width=110).print(table)
