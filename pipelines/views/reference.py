"""Every table and view with its columns, as docs/reference.md and dbt describe them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import duckdb

import sources
from pipelines.views.queries import UNIFIED, questions, unified
from sources.load import ledger
from sources.records.schema import Column, Table

LOADED = (
    Column("_dlt_load_id", "text", "The load that wrote the row: seconds since 1970, UTC; see _dlt_loads."),
    Column("_dlt_id", "text", "Digest of the record; changes when anything of the fax changes."),
)
_PARENT = Column("_dlt_parent_id", "text", "The `_dlt_id` of the fax.")
_LEDGER = (
    (ledger.SYNC_WINDOWS, ledger.WINDOWS_MEANING, ledger.WINDOW_COLUMNS),
    (ledger.SYNC_PROBLEMS, ledger.PROBLEMS_MEANING, ledger.PROBLEM_COLUMNS),
    (ledger.SCHEMA_CHANGES, ledger.CHANGES_MEANING, ledger.CHANGE_COLUMNS),
)
_UNIFIED_KEYS: dict[str, tuple[tuple[str, ...], str | None]] = {
    "faxes": (("provider", "account", "id"), None),
    "fax_recipients": (("provider", "account", "fax_id", "position"), "faxes"),
    "fax_tags": (("provider", "account", "fax_id", "name"), "faxes"),
}
_TYPES: dict[str, Any] = {
    "VARCHAR": "text",
    "BIGINT": "bigint",
    "BOOLEAN": "bool",
    "DATE": "date",  # of views only
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
        raw, table = f"{schema}_{provider}", _table(provider)
        yield Relation(raw, table.name, table.meaning, (*table.declared(), *LOADED), ("account", "id"))
        for child in table.children:
            columns = (*child.declared(table), *LOADED, _PARENT)
            yield Relation(
                raw, child.name, child.meaning, columns, ("account", child.parent_id, "position"), table.name
            )
        for name, meaning, columns in _LEDGER:
            yield Relation(raw, name, meaning, (*columns, *LOADED), ("_dlt_id",))
        yield Relation(raw, ledger.SYNC_RUNS, ledger.RUNS_MEANING, ledger.RUN_COLUMNS)


def views(schema: str) -> Iterator[Relation]:
    """The views: first those that all providers share, then those that answer questions."""
    for name, (meaning, columns) in UNIFIED.items():
        key, of = _UNIFIED_KEYS.get(name, ((), None))
        yield Relation(schema, name, meaning, columns, key, of)
    with duckdb.connect() as empty:  # a database without raw tables knows the type of every column
        empty.execute(f'create schema "{schema}"')
        for view in unified(schema, {}, {}):
            empty.execute(f'create view "{schema}"."{view.name}" as ({view.query})')
        for view in questions(schema, "UTC")[0]:
            empty.execute(f'create view "{schema}"."{view.name}" as ({view.query})')
            described = empty.execute(f'describe "{schema}"."{view.name}"').fetchall()
            types = {name: _TYPES[sql_type.partition("(")[0]] for name, sql_type, *_ in described}
            columns = tuple(Column(name, types[name], view.columns.get(name, "")) for name in types)
            yield Relation(schema, view.name, view.meaning, columns)


def _table(provider: str) -> Table:
    table: Table = sources.provider(provider).TABLE
    return table
