"""Compares Delta tables with a warehouse of the same faxes, column by column."""

from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import duckdb

from sources.extract.source import Source
from tests.support.warehouse.delta_lake import Lake

MISSING = "the extra spark is not installed: uv sync --extra spark"
OF_THE_RUN = {"_dlt_load_id", "_dlt_id", "_dlt_parent_id"}


def differences(
    warehouse: Path, lake: Path, provider: str, undeclared: Sequence[str] = ()
) -> dict[str, tuple[int, int]]:
    """Table -> numbers of rows that only the warehouse, and only the lake has; also by `undeclared` columns."""
    from deltalake import DeltaTable

    columns, found = _columns(lake, provider, undeclared), {}
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        for name, of_table in columns.items():
            held = DeltaTable(f"{lake}/fax_{provider}/{name}").to_pyarrow_dataset().to_table()
            connection.register("held", held)
            listed = ", ".join(f'"{column}"' for column in of_table)
            ours, theirs = f"select {listed} from fax_{provider}.{name}", f"select {listed} from held"
            found[name] = (_only(connection, ours, theirs), _only(connection, theirs, ours))
    return {name: sides for name, sides in found.items() if sides != (0, 0)}


def _columns(lake: Path, provider: str, undeclared: Sequence[str]) -> dict[str, list[str]]:
    """Table -> the columns to compare. A table of a further list may be missing."""
    columns = {}
    for number, table in enumerate(Source(provider).tables):
        if number == 0 or (lake / f"fax_{provider}" / table.name).exists():
            own = () if number else undeclared
            columns[table.name] = [*(column.name for column in table.declared()), *own, "_dlt_id"]
            for child in table.children:
                names = (column.name for column in child.declared(table))
                columns[child.name] = [*names, "_dlt_id", "_dlt_parent_id"]
    return columns


def _only(connection: Any, one: str, other: str) -> int:
    return int(connection.execute(f"select count(*) from ({one} except all {other})").fetchall()[0][0])


def rows(lake: Path, provider: str, table: str) -> list[dict[str, Any]]:
    """The rows of a Delta table."""
    from deltalake import DeltaTable

    return list(DeltaTable(f"{lake}/fax_{provider}/{table}").to_pyarrow_dataset().to_table().to_pylist())


def versions(lake: Path) -> dict[str, int]:
    """Table -> its version, which is the number of its commits."""
    return {
        str(log.parent.parent.relative_to(lake)): len([*log.parent.glob("*.json")])
        for log in lake.glob("*/*/_delta_log/*.json")
    }


def options(**asked: Any) -> Namespace:
    """The options of a sync: those asked for, the others as without any."""
    from pipelines.cli.sync_options import sync_parser

    return Namespace(**vars(sync_parser("sync.py", None, "").parse_args([])) | asked)


def run_in_process(lake: Path, **asked: Any) -> dict[str, dict[str, Any]]:
    """Runs all accounts; tasks run in this process, one after the other. Returns the summary by account."""
    from pipelines.config import accounts
    from pipelines.lake.account_task import run_task
    from pipelines.lake.syncing.accounts_run import LakeRun

    run = LakeRun(lake.as_uri(), uuid4().hex, options(**asked), lambda tasks: [run_task(task) for task in tasks])
    outcomes = run.sync(accounts.required())
    return {str(outcome.account): outcome.as_json() for outcome in outcomes}


def into_delta(settings: dict[str, str], lake: Path) -> Callable[[], AbstractContextManager[None]]:
    """A context manager in whose block the settings point to Delta tables."""

    @contextmanager
    def leading() -> Iterator[None]:
        before = dict(settings)
        settings.update(Lake(lake).settings())
        yield
        for name in settings.keys() - before.keys():
            if name.startswith("DESTINATION__"):
                del settings[name]

    return leading
