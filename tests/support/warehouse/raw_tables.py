"""Raw tables as the sync creates them, filled with the rows of a test, without a sync."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sources
from sources.extract.source import Source
from sources.load import ledger
from sources.records.schema import SQL_TYPES, Column
from tests.support.environment import applied

TYPES = {**SQL_TYPES, "text": "varchar"}  # as dlt creates it
LOAD = "1700000000.0"
READ_AT = datetime(2026, 4, 20, 12, tzinfo=UTC)  # when every account was last read


def tables(provider: str) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Name -> columns with SQL types of each raw table of a provider."""
    for table in Source(provider).tables:
        yield table.name, _columns(table.declared())
        for child in table.children:
            yield child.name, [*_columns(child.declared(table)), ("_dlt_parent_id", "varchar")]
        yield table.ledger, _columns(ledger.WINDOW_COLUMNS)
    yield ledger.SYNC_RUNS, _columns(ledger.RUN_COLUMNS)
    yield ledger.SCHEMA_CHANGES, _columns(ledger.CHANGE_COLUMNS)
    yield "_dlt_loads", [("load_id", "varchar"), ("status", "bigint")]


def names_of_faxes(provider: str) -> list[str]:
    """The provider's tables of faxes, and their child tables."""
    return [
        name for table in Source(provider).tables for name in (table.name, *(child.name for child in table.children))
    ]


def _columns(columns: Iterable[Column]) -> list[tuple[str, str]]:
    own = [(column.name, TYPES[column.data_type]) for column in columns]
    return [*own, ("_dlt_load_id", "varchar"), ("_dlt_id", "varchar")]


def make(connection: Any, providers: Iterable[str]) -> None:
    """Creates the raw schemas of these providers, with one committed load, and one window up to READ_AT."""
    for provider in providers:
        connection.execute(f"create schema fax_{provider}")
        for name, columns in tables(provider):
            listed = ", ".join(f'"{column}" {sql_type}' for column, sql_type in columns)
            connection.execute(f"create table fax_{provider}.{name} ({listed})")
        insert(connection, f"fax_{provider}._dlt_loads", [{"load_id": LOAD, "status": 0}])
        window = {"account": "default", "to_at": READ_AT, "run_id": "1", "_dlt_load_id": LOAD}
        insert(connection, f"fax_{provider}.sync_windows", [window])


def insert(connection: Any, table: str, rows: Iterable[Mapping[str, Any]]) -> None:
    """Inserts rows, which all have the same columns."""
    held = list(rows)
    if held:
        names = ", ".join(f'"{name}"' for name in held[0])
        places = ", ".join([f"({', '.join(['?'] * len(held[0]))})"] * len(held))
        values = [row[name] for row in held for name in held[0]]
        connection.execute(f"insert into {table} ({names}) values {places}", values)


def refresh(environment: Mapping[str, str], timezone: str = "UTC") -> None:
    """Creates the views, over the connection of a sync."""
    assert warnings_of_refresh(environment, timezone) == []


def warnings_of_refresh(environment: Mapping[str, str], timezone: str = "UTC", own: Path | None = None) -> list[str]:
    """Creates the views, also those of the user's folder; returns the warnings."""
    from pipelines.views import refresh_views
    from pipelines.warehouse import load

    with applied(environment), load.opened(sources.providers()[0], "default", "fax") as opened:
        return refresh_views(opened.client, "fax", timezone, own)
