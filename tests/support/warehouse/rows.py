"""Rows of a warehouse: a DuckDB file by its path, a `File`, a `Database`, a `Lake`, or an open connection."""

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
    """A connection in UTC. An open connection is used unchanged, and stays open."""
    if isinstance(held, Path):
        held = File(held)
    if isinstance(held, File | Database | Lake):
        with held.opened() as connection:
            yield connection
    else:
        yield held


def rows(held: Held, sql: str, *parameters: Any) -> list[Row]:
    """The rows of a query with `?` for each parameter."""
    with reading(held) as connection:
        return [tuple(row) for row in connection.execute(sql, parameters or None).fetchall()]


def named_rows(held: Held, sql: str, *parameters: Any) -> list[dict[str, Any]]:
    """The rows of a query as dicts by column name."""
    with reading(held) as connection:
        answer = connection.execute(sql, parameters or None)
        names = [column[0] for column in answer.description]
        return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]


def raw_tables(held: Held, schema: str) -> list[str]:
    """The tables of a schema, also dlt's own, without views."""
    sql = (
        "select table_name from information_schema.tables where table_schema = ? and table_type = 'BASE TABLE'"
        " order by table_name"
    )
    return [table for (table,) in rows(held, sql, schema)]


def content(held: Held, provider: str) -> dict[str, list[str]]:
    """Every row of every raw table of a provider, except `sync_runs`; equal if nothing was written."""
    schema = f"fax_{provider}"
    with reading(held) as connection:
        return {
            table: sorted(map(repr, rows(connection, f'select * from {schema}."{table}"')))
            for table in raw_tables(connection, schema)
            if table != "sync_runs"
        }
