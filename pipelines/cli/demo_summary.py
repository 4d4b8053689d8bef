"""What the demonstration prints at its end: the costs of its faxes, where they are, and what to do next."""

from pathlib import Path

import duckdb
from rich.console import Console
from rich.table import Table

import sources
from pipelines.cli.next_steps import print_next_steps
from pipelines.config import bootstrap
from pipelines.config.declaration import secrets_of


def demonstration(database: Path, schema: str) -> None:
    """Prints the costs of the demonstration's faxes, where the faxes are, and what to do next."""
    with duckdb.connect(str(database), read_only=True) as connection:
        rows = connection.execute(
            f'select month, provider, sum(faxes), sum(pages), sum(cost_usd) from "{schema}".monthly_costs'
            f' where month > (select max(month) from "{schema}".monthly_costs) - interval 3 month'
            " group by all order by month desc, provider"
        ).fetchall()
    table = Table("month", "provider", title="Fax costs of the latest months")
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
