"""Reads the stored cursor of an account, and the stored schema, without a pipeline; corrects a schema by the tables.

dlt 1.31 offers only `Pipeline.sync_destination`, which also reads settings and writes files. It took half the time of a
quiet run. dlt does not document where `incremental` stores its last value.

dlt does not compare a stored schema with the tables either. It infers the type of a new field from the values of one
load, even if another account has added the column: it restores a schema only for a pipeline with a stored state, and
the newest version may lack the columns of another pipeline. PostgreSQL then refused each later load of the account, and
DuckDB rounded the values. The functions from `adopt_stored_schema` on correct the schema.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from typing import Any

import dlt
from dlt.common.destination.client import WithStateSync
from dlt.common.destination.exceptions import DestinationUndefinedEntity
from dlt.common.schema import Schema
from dlt.common.schema.utils import new_table
from dlt.destinations.sql_client import SqlClientBase
from dlt.pipeline.state_sync import load_pipeline_state_from_destination

from sources.extract.source import Source
from sources.load.ledger import RUN_COLUMNS, SCHEMA_CHANGES, SYNC_RUNS, WINDOW_COLUMNS
from sources.load.plan import Position
from sources.load.resources import READ_AT, REREAD_UNTIL, pages_name
from sources.records.schema import CREATED_AT, SQL_TYPES, Column, DataType, Table

Types = dict[tuple[str, str], DataType]  # by table and column

# The types that a new field may get, as PostgreSQL and DuckDB name them. Only users create columns of other types.
_DATA_TYPES: dict[str, DataType] = {
    "boolean": "bool",
    "bigint": "bigint",
    "double precision": "double",
    "double": "double",
    "character varying": "text",
    "varchar": "text",
    "text": "text",
    "jsonb": "json",
    "json": "json",
}
_ALL_TYPES = _DATA_TYPES | {"timestamp with time zone": "timestamp", "numeric": "decimal", "decimal": "decimal"}
# What dlt stores of a cursor before its first value.
_NEW_CURSOR: dict[str, Any] = {"initial_value": None, "last_value": None, "unique_hashes": [], "start_value": None}
_COLUMNS = """
    select table_name, column_name, data_type from information_schema.columns
    where table_catalog = current_database() and table_schema = %s
"""


def stored_state(client: WithStateSync, pipeline_name: str) -> Any:
    """The pipeline state of the last committed load; empty before the first one."""
    try:
        return load_pipeline_state_from_destination(pipeline_name, client) or {}
    except DestinationUndefinedEntity:
        return {}


def position_in(state: Any, source: str, table: Table) -> Position:
    """How far the account's table has been read, according to this pipeline state."""
    pages = state.get("sources", {}).get(source, {}).get("resources", {}).get(pages_name(table), {})
    cursor = pages.get("incremental", {}).get(CREATED_AT, {}).get("last_value")
    return Position(cursor, pages.get(READ_AT), pages.get(REREAD_UNTIL))


def state_after(stored: Any, source: str, positions: Mapping[str, Position]) -> Any:
    """The stored state of an account, moved to these positions, which are by the name of their resource."""
    state = deepcopy(stored)
    resources = state.setdefault("sources", {}).setdefault(source, {}).setdefault("resources", {})
    for name, position in positions.items():
        pages = resources.setdefault(name, {})
        incremental = pages.setdefault("incremental", {}).setdefault(CREATED_AT, {**_NEW_CURSOR})
        incremental["last_value"] = position.cursor
        pages |= {READ_AT: position.read_at, REREAD_UNTIL: position.reread_until}
    return state


def stored_schema(client: WithStateSync, name: str) -> Schema | None:
    """dlt's stored schema of this name; None before the first load."""
    try:
        stored = client.get_stored_schema(name)
    except DestinationUndefinedEntity:
        return None
    return Schema.from_dict(json.loads(stored.schema)) if stored else None


def adopt_stored_schema(pipeline: dlt.Pipeline, client: WithStateSync, name: str) -> None:
    """Gives a new account the stored schema of its provider, with the columns that other accounts have brought."""
    if not pipeline.schema_names and (schema := stored_schema(client, name)):
        pipeline._inject_schema(schema)


def correct_new_columns(schema: Schema, client: SqlClientBase[Any], raw: str) -> None:
    """Gives the columns for new fields the types that they have in the database, and adds those that are missing."""
    recorded = _recorded_columns(client, raw)
    if not recorded and not _new_columns(schema):
        return
    existing = column_types(client, raw)
    missing = {
        (table, name): existing[table, name]
        for table, name in recorded
        if (table, name) in existing and table in schema.tables and name not in schema.tables[table]["columns"]
    }
    set_types(schema, missing | contradictions(schema, existing))


def column_types(client: SqlClientBase[Any], raw: str) -> Types:
    """The types of the existing columns of the raw schema, if a new field may get them."""
    found: Any = client.execute_sql(_COLUMNS, raw) or ()
    return {(table, name): _DATA_TYPES[kind.lower()] for table, name, kind in found if kind.lower() in _DATA_TYPES}


def retyped_columns(client: SqlClientBase[Any], raw: str, provider: str) -> Iterator[str]:
    """For each declared column whose type a user has changed, the statement that undoes it."""
    ledgers = ((table.ledger, WINDOW_COLUMNS) for table in Source(provider).tables)
    declared = ((SYNC_RUNS, RUN_COLUMNS), *ledgers, *_declared_columns(provider))
    types = {(table, column.name): column.data_type for table, columns in declared for column in columns}
    found: Any = client.execute_sql(_COLUMNS, raw) or ()
    for name, column, kind in found:
        due = types.get((name, column))
        if due and due != _ALL_TYPES.get(kind.lower().partition("(")[0]):
            sql_type = SQL_TYPES[due]
            yield f'alter table {raw}.{name} alter column "{column}" type {sql_type} using "{column}"::{sql_type}'


def _recorded_columns(client: SqlClientBase[Any], raw: str) -> list[tuple[str, str]]:
    """The columns that were added for new fields, by table and name; users' own columns are not among them."""
    try:
        found: Any = client.execute_sql(f'select distinct table_name, column_name from "{raw}"."{SCHEMA_CHANGES}"')
    except DestinationUndefinedEntity:
        return []
    return [(table, name) for table, name in found or ()]


def contradictions(schema: Schema, existing: Types) -> Types:
    """The existing types of the columns for new fields that have another type in the schema."""
    new = _new_columns(schema)
    return {column: existing[column] for column in new if existing.get(column, new[column]) != new[column]}


def set_types(schema: Schema, types: Types) -> None:
    """Gives columns these types, and adds the columns and tables that the schema lacks."""
    for (table, name), data_type in types.items():
        columns = schema.tables.setdefault(table, new_table(table))["columns"]
        columns[name] = {"name": name, "nullable": True, **columns.get(name, {}), "data_type": data_type}


def _new_columns(schema: Schema) -> dict[tuple[str, str], Any]:
    """The types in the schema of the columns for new fields."""
    return {
        (table, name): column["data_type"]
        for table, columns in _declared_columns(schema.name)
        for name, column in (schema.tables[table]["columns"] if table in schema.tables else {}).items()
        if name not in {of.name for of in columns} and not name.startswith("_dlt") and "data_type" in column
    }


def _declared_columns(provider: str) -> Iterator[tuple[str, Sequence[Column]]]:
    """Each table that may get new columns, with its declared columns."""
    for table in Source(provider).tables:
        yield table.name, table.declared()
        for child in table.children:
            yield child.name, child.declared(table)
