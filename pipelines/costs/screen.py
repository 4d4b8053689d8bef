"""A month's figures on one terminal screen of at most 100 columns; without colours if stdout is not a terminal."""

import sys
from collections.abc import Iterator

from rich.console import Console, Group, RenderableType
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from pipelines.costs import month_in_words, screen_tables
from pipelines.costs.bars import columns
from pipelines.costs.figures import MonthFigures
from pipelines.costs.money import PAGE_PRICE, dollars, share
from pipelines.costs.screen_tables import TOP, TOP_ACCOUNTS

WIDEST = 100


def show(figures: MonthFigures, timezone: str) -> None:
    """Prints the screen."""
    if sys.stdout and not sys.stdout.encoding.lower().startswith("utf"):
        sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]  # a question mark, not a traceback
    console = Console(highlight=False)
    console.width = min(console.width, WIDEST) if console.is_terminal else WIDEST
    console.print(screen(figures, timezone))


def screen(figures: MonthFigures, timezone: str) -> RenderableType:
    """The screen, as rich prints it."""
    return Group(*_parts(figures, timezone))


def _parts(figures: MonthFigures, timezone: str) -> Iterator[RenderableType]:
    title, covers = month_in_words.headline(figures, timezone)
    yield Text.assemble((title, "bold"), ("   " + covers, "dim"))
    yield Text()
    yield _totals(figures)
    yield Text()
    yield _comparison(figures)
    yield from _section("By provider", screen_tables.accounts(figures), len(figures.accounts), TOP_ACCOUNTS)
    title = month_in_words.breakdown(figures)
    yield from _section(title, screen_tables.most_expensive(figures), len(figures.breakdown), TOP)
    yield from _section(
        month_in_words.failures(figures), screen_tables.failures(figures), len(figures.failures), len(figures.failures)
    )
    yield Text()
    for note in month_in_words.notes(figures):
        yield Text.assemble((note, "dim"))


def _totals(figures: MonthFigures) -> RenderableType:
    """The most important figures, each above its name."""
    cost, pages, faxes, still_open = figures.amount("cost_usd"), *map(figures.count, ("pages", "faxes", "open_faxes"))
    cells = (
        (dollars(cost), "so far" if figures.is_open else "in total"),
        (f"{faxes:,}", f"faxes, {still_open:,} open" if still_open else "faxes"),
        (f"{pages:,}", "pages"),
        (dollars(cost / pages, PAGE_PRICE) if pages else "–", "a page"),
        (share(figures.count("delivered"), figures.count("ended")), "delivered"),
    )
    grid = Table.grid(expand=True, padding=(0, 2))
    for _ in cells:
        grid.add_column(ratio=1)
    grid.add_row(*(Text.assemble((value + "\n", "bold cyan"), (name, "dim")) for value, name in cells))
    return grid


def _comparison(figures: MonthFigures) -> RenderableType:
    """The comparison with the month before, the forecast, and each day's cost."""
    amounts = [day["cost_usd"] for day in figures.days]
    most = max(figures.days, key=lambda day: day["cost_usd"])
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column()
    grid.add_row(f"Against {month_in_words.before(figures)}", month_in_words.against_last_month(figures))
    if forecast := month_in_words.forecast(figures):
        grid.add_row("Forecast", forecast)
    if balance := month_in_words.balance(figures.balances):
        grid.add_row("Balance", balance)
    if most["cost_usd"] > 0:
        grid.add_row("Most in a day", f"{dollars(most['cost_usd'])} on {most['day']:%A, %-d %B}")
        axis = "".join(f"{day['day'].day:<14}" for day in figures.days[::7]).rstrip()
        grid.add_row("Day by day", Text.assemble(*((line + "\n", "cyan") for line in columns(amounts)), (axis, "dim")))
    return grid


def _section(title: str, table: Table, rows: int, shown: int) -> Iterator[RenderableType]:
    if rows:
        more = f" ({shown} of {rows:,})" if rows > shown else ""
        yield Text()
        yield Rule(Text(title + more, style="bold"), align="left", style="dim")
        yield table
