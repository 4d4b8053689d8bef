"""Every table and view with its columns, as docs/reference.md and dbt describe them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

import sources
from pipelines.views.files import HERE
from pipelines.views.queries import UNIFIED, questions, unified
from sources.extract.source import Source
from sources.load import ledger
from sources.records.schema import FINGERPRINT, SQL_TYPES, Column

LOADED = (
    Column("_dlt_load_id", "text", "The load that wrote the row: seconds since 1970, UTC; see _dlt_loads."),
    FINGERPRINT,
)
_PARENT = Column("_dlt_parent_id", "text", "The `_dlt_id` of the fax.")
_BESIDE = (
    (ledger.SYNC_PROBLEMS, ledger.PROBLEMS_MEANING, ledger.PROBLEM_COLUMNS),
    (ledger.SCHEMA_CHANGES, ledger.CHANGES_MEANING, ledger.CHANGE_COLUMNS),
)
_UNIFIED_KEYS: dict[str, tuple[tuple[str, ...], str | None]] = {
    "faxes": (("provider", "account", "id"), None),
    "fax_recipients": (("provider", "account", "fax_id", "position"), "faxes"),
    "fax_tags": (("provider", "account", "fax_id", "name"), "faxes"),
}
_TYPES = {
    "VARCHAR": "text",
    "BIGINT": "bigint",
    "BOOLEAN": "bool",
    "DECIMAL": "decimal",
    "DOUBLE": "double",
    "TIMESTAMP WITH TIME ZONE": "timestamp",
}


@dataclass(frozen=True)
class Relation:
    """A table or view; the columns of `key` identify a row, and `of` is the parent table."""

    schema: str
    name: str
    meaning: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()
    of: str | None = None

    def key_columns(self) -> list[Column]:
        """The columns that identify a row."""
        return [column for column in self.columns if column.name in self.key]


def raw_tables(schema: str) -> Iterator[Relation]:
    """The raw tables of every provider, in schemas that begin with `schema`."""
    for provider in sources.providers():
        raw = f"{schema}_{provider}"
        for table in Source(provider).tables:
            yield Relation(raw, table.name, table.meaning, (*table.declared(), *LOADED), ("account", "id"))
            for child in table.children:
                columns = (*child.declared(table), *LOADED, _PARENT)
                yield Relation(
                    raw, child.name, child.meaning, columns, ("account", child.parent_id, "position"), table.name
                )
            walked = (*ledger.WINDOW_COLUMNS, *LOADED)
            yield Relation(raw, table.ledger, ledger.WINDOWS_MEANING, walked, ("_dlt_id",))
        for name, meaning, columns in _BESIDE:
            yield Relation(raw, name, meaning, (*columns, *LOADED), ("_dlt_id",))
        yield Relation(raw, ledger.SYNC_RUNS, ledger.RUNS_MEANING, ledger.RUN_COLUMNS)


def views(schema: str, own: Path | None = None) -> Iterator[Relation]:
    """The views: first those that all providers share, then those that answer questions.

    The user's own, in the folder `own`, are among them if DuckDB knows all that they use.
    """
    for name, (meaning, columns) in UNIFIED.items():
        key, of = _UNIFIED_KEYS.get(name, ((), None))
        yield Relation(schema, name, meaning, columns, key, of)
    with duckdb.connect() as empty:  # it knows the types of all columns
        _make_empty(empty, schema)
        for view in questions(schema, "UTC", [HERE, own] if own else [HERE])[0]:
            try:
                empty.execute(f'create view "{schema}"."{view.name}" as ({view.query})')
            except duckdb.Error:
                continue  # a view of the user's own, for PostgreSQL alone or with an error, of which the sync warns
            described = empty.execute(f'describe "{schema}"."{view.name}"').fetchall()
            columns = tuple(Column(name, _type(kind), view.columns.get(name, "")) for name, kind, *_ in described)
            yield Relation(schema, view.name, view.meaning, columns)


def _make_empty(connection: duckdb.DuckDBPyConnection, schema: str) -> None:
    """Creates every raw table and unified view, without a row."""
    connection.execute(f'create schema "{schema}"')
    for view in unified(schema, {}):
        connection.execute(f'create view "{schema}"."{view.name}" as ({view.query})')
    for table in raw_tables(schema):
        listed = ", ".join(f'"{column.name}" {SQL_TYPES[column.data_type]}' for column in table.columns)
        connection.execute(f'create schema if not exists "{table.schema}"')
        connection.execute(f'create table "{table.schema}"."{table.name}" ({listed})')


def _type(sql_type: str) -> Any:
    """The type in the words of the raw tables; one that these do not have in DuckDB's own."""
    return _TYPES.get(sql_type.partition("(")[0], sql_type.lower())
