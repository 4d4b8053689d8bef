"""Rows of a warehouse, of a DuckDB file by its path, a `File`, a `Database`, a `Lake` or an open connection."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.warehouse.delta_lake import Lake
from tests.support.warehouse.file_and_database import Database, File

Row = tuple[Any, ...]
Held = Any  # a path of a DuckDB file, a `File`, a `Database`, a `Lake`, or an open connection to one of them


@contextmanager
def reading(held: Held) -> Iterator[Any]:
    """A connection whose session is in UTC; one that is open already is given as it is, and stays open."""
    if isinstance(held, Path):
        held = File(held)
    if isinstance(held, File | Database | Lake):
        with held.opened() as connection:
            yield connection
    else:
        yield held


def rows(held: Held, sql: str, *parameters: Any) -> list[Row]:
    """The rows that a query answers with; the parameters stand at its question marks."""
    with reading(held) as connection:
        return [tuple(row) for row in connection.execute(sql, parameters or None).fetchall()]


def named_rows(held: Held, sql: str, *parameters: Any) -> list[dict[str, Any]]:
    """The same, each row a dict by the names of the columns."""
    with reading(held) as connection:
        answer = connection.execute(sql, parameters or None)
        names = [column[0] for column in answer.description]
        return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]


def raw_tables(held: Held, schema: str) -> list[str]:
    """The tables of a schema, dlt's own among them, views not."""
    sql = (
        "select table_name from information_schema.tables where table_schema = ? and table_type = 'BASE TABLE'"
        " order by table_name"
    )
    return [table for (table,) in rows(held, sql, schema)]


def content(held: Held, provider: str) -> dict[str, list[str]]:
    """Every row of every raw table of a provider; equal as long as nothing was written, but that a run failed."""
    schema = f"fax_{provider}"
    with reading(held) as connection:
        return {
            table: sorted(map(repr, rows(connection, f'select * from {schema}."{table}"')))
            for table in raw_tables(connection, schema)
            if table != "sync_runs"
        }
