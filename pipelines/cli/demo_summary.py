"""What a person sees on a terminal: a progress bar while a sync runs, and the demonstration's costs at its end."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

import sources
from pipelines.cli.next_steps import print_next_steps
from pipelines.config import bootstrap
from pipelines.config.declaration import secrets_of
from sources.load.run import Run


@contextmanager
def bar() -> Iterator[Callable[[str, Run], None]]:
    """Draws bars on stderr, one per account; yields the function to call after each window."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as drawn:
        tasks: dict[str, TaskID] = {}

        def advance(account: str, run: Run) -> None:
            if run.span is None or run.tally.reached is None:
                return
            if account not in tasks:
                tasks[account] = drawn.add_task(account, total=run.span.length.total_seconds())
            walked = (run.tally.reached - run.span.start).total_seconds()
            drawn.update(
                tasks[account],
                completed=walked,
                description=f"{account}: {run.tally.new + run.tally.changed + run.tally.unchanged} faxes",
            )

        yield advance


def demonstration(database: Path, schema: str) -> None:
    """Prints the costs of the demonstration's faxes, where the faxes are, and what to do next."""
    with duckdb.connect(str(database), read_only=True) as connection:
        rows = connection.execute(
            f"select month, provider, sum(faxes), sum(pages), sum(cost_usd) from {schema}.monthly_costs"
            " group by all order by month desc, provider limit 8"
        ).fetchall()
    table = Table("month", "provider", title="Fax costs by month (the latest)")
    for name in ("faxes", "pages", "US$"):
        table.add_column(name, justify="right")
    for month, provider, faxes, pages, cost in rows:
        table.add_row(f"{month:%Y-%m}", provider, str(faxes), str(pages), f"{cost:,.2f}")
    Console(width=80).print(table)
    print_next_steps()
    if (bootstrap.settings_directory() / "secrets.toml").exists():
        return
    secrets = {name: secrets_of(sources.provider(name).Settings) for name in sources.providers()}
    keys = "; ".join(f"[sources.{name}] {', '.join(names)}" for name, names in secrets.items())
    print("Your own faxes:")
    print(f"  {bootstrap.command('init')}     # asks for {keys}")
    print(f"  {bootstrap.command('sync')}")
