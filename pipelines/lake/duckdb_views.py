"""The views of the warehouse over Delta tables, in DuckDB: a connection that sees the tables as they are now.

DuckDB reads the Parquet files that make up each table itself, so that it needs no extension.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

import duckdb

import sources
from pipelines.lake.loading import ProviderTables
from pipelines.lake.tables import existing
from pipelines.views.files import HERE
from pipelines.views.queries import questions, unified
from pipelines.views.reference import Relation
from sources.load.ledger import SCHEMA_CHANGES, SYNC_WINDOWS
from sources.records.schema import DataType

_SQL_TYPES: Mapping[DataType, str] = {
    "text": "varchar",
    "bigint": "bigint",
    "double": "double",
    "bool": "boolean",
    "timestamp": "timestamptz",
    "decimal": "decimal(18, 6)",
    "json": "json",
}


def connect(
    output: str, schema: str = "fax", timezone: str = "UTC", own: Path | None = None
) -> duckdb.DuckDBPyConnection:
    """A connection to an empty database with all raw tables below `output` and all views, as views.

    `output` is what `spark_sync.py --output` was given; the days and months of the views are those of `timezone`.
    `own` is the folder of the user's own views; one that DuckDB refuses is left out.

    Raises:
        WarehouseError: a table is not one of ours.
    """
    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'")
    connection.execute(f'create schema "{schema}"')
    there: dict[tuple[str, str], set[str]] = {}
    for provider in sources.providers():
        raw = f"{schema}_{provider}"
        connection.execute(f'create schema "{raw}"')
        held = ProviderTables(output.rstrip("/"), schema, provider, str)
        columns = held.columns()
        for name, of_table in columns.items():
            connection.execute(f'create view "{raw}"."{name}" as {_query(held, held.relations[name], of_table)}')
            there[raw, name] = {*of_table}
        if {SYNC_WINDOWS, SCHEMA_CHANGES} <= columns.keys():
            connection.execute(f'create view "{raw}"._dlt_loads as {_loads(raw)}')
            there[raw, "_dlt_loads"] = {"load_id", "status"}
    views = [*unified(schema, {name: f"{schema}_{name}" for name in sources.providers()}, there)]
    for view in [*views, *questions(schema, timezone, [HERE, own] if own else [HERE])[0]]:
        try:
            connection.execute(f'create view "{schema}"."{view.name}" as ({view.query})')
        except duckdb.Error:
            if view.file is None or view.file.path.parent == HERE:
                raise
    return connection


def _query(held: ProviderTables, relation: Relation, columns: Mapping[str, DataType]) -> str:
    """What reads the newest version of a table; each column in its type."""
    table = existing(held.root, relation)
    files = ", ".join(map(_quoted, _places(table.file_uris()))) if table else ""
    columns_of = "null" if not files else '"{}"'
    listed = ", ".join(
        f'cast({columns_of.format(name)} as {_SQL_TYPES[kind]}) as "{name}"' for name, kind in columns.items()
    )
    if not files:
        return f"select {listed} limit 0"
    options = "hive_partitioning = true, hive_types = {'account': varchar}, union_by_name = true"
    return f"select {listed} from read_parquet([{files}], {options})"


def _quoted(text: str) -> str:
    escaped = text.replace("'", "''")
    return f"'{escaped}'"


def _places(uris: list[str]) -> Iterator[str]:
    """The files as DuckDB names them: those of this machine by their path."""
    for uri in uris:
        parts = urlsplit(uri)
        yield unquote(parts.path) if parts.scheme in ("", "file") else uri


def _loads(raw: str) -> str:
    """Every load: in Delta tables there are no rows of a load that was cut off."""
    named = (
        f'select _dlt_load_id as load_id, 0 as status from "{raw}".{name}' for name in (SYNC_WINDOWS, SCHEMA_CHANGES)
    )
    return " union ".join(named)
