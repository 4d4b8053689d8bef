"""The views of the warehouse over Delta tables: in DuckDB, in a connection or as a script, and in Spark, as a script.

A connection of DuckDB reads the Parquet files that make up each table itself, so that it needs no extension.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

import duckdb
from deltalake import DeltaTable

import sources
from pipelines.lake.loading import ProviderTables
from pipelines.lake.spark_sql import to_spark
from pipelines.lake.tables import schema_of
from pipelines.views.files import HERE
from pipelines.views.queries import View, questions, unified
from sources.extract.source import Source
from sources.load.ledger import SCHEMA_CHANGES, SYNC_WINDOWS
from sources.records.schema import DataType
from sources.spark.nested import SPARK_TYPES

_DUCKDB_TYPES: Mapping[DataType, str] = {
    "text": "varchar",
    "bigint": "bigint",
    "double": "double",
    "bool": "boolean",
    "timestamp": "timestamptz",
    "decimal": "decimal(18, 6)",
    "json": "json",
}


@dataclass(frozen=True)
class Engine:
    """How an engine quotes a name, names types, reads the table at a URI, and words a query of DuckDB's dialect."""

    quote: str
    types: Mapping[DataType, str]
    scan: Callable[[str], str]
    word: Callable[[str], str]


ENGINES = {
    "duckdb": Engine('"', _DUCKDB_TYPES, lambda uri: f"delta_scan({_quoted(uri)})", lambda query: query),
    "spark": Engine("`", SPARK_TYPES, lambda uri: f"delta.`{uri}`", to_spark),
}


def connect(
    output: str, schema: str = "fax", timezone: str = "UTC", own: Path | None = None
) -> duckdb.DuckDBPyConnection:
    """A connection to an empty database with all raw tables below `output`, as they are now, and all views, as views.

    `output` is where the Delta tables are; the days and months of the views are those of `timezone`. `own` is the
    folder of the user's own views; one that DuckDB refuses is left out.

    Raises:
        WarehouseError: a table is not one of ours.
    """
    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'")
    engine = Engine('"', _DUCKDB_TYPES, _parquet_files, lambda query: query)
    for view, statement in _statements(output.rstrip("/"), schema, timezone, own, engine):
        try:
            connection.execute(statement)
        except duckdb.Error:
            if view is None or view.file is None or view.file.path.parent == HERE:
                raise
    return connection


def script(engine: str, output: str, schema: str = "fax", timezone: str = "UTC") -> Iterator[str]:
    """The statements that make all raw tables below `output`, and all views, in a catalog of the engine.

    Raises:
        WarehouseError: a table is not one of ours.
    """
    for _, statement in _statements(output.rstrip("/"), schema, timezone, None, ENGINES[engine]):
        yield statement


def _statements(
    output: str, schema: str, timezone: str, own: Path | None, engine: Engine
) -> Iterator[tuple[View | None, str]]:
    """Each statement, in order, with the view that it makes; None if it makes a schema or a raw table."""

    def named(*names: str) -> str:
        return ".".join(f"{engine.quote}{name}{engine.quote}" for name in names)

    yield None, f"create schema if not exists {named(schema)}"
    there: dict[tuple[str, str], set[str]] = {}
    for provider in sources.providers():
        raw = f"{schema}_{provider}"
        yield None, f"create schema if not exists {named(raw)}"
        held = ProviderTables(output, schema, provider, str)
        columns = held.columns()
        for name, of_table in columns.items():
            listed = ", ".join(
                f"cast({named(column)} as {engine.types[kind]}) as {named(column)}" for column, kind in of_table.items()
            )
            query = f"select {listed} from {engine.scan(f'{held.root}/{name}')}"
            yield None, f"create or replace view {named(raw, name)} as {query}"
            there[raw, name] = {*of_table}
        if {SYNC_WINDOWS, SCHEMA_CHANGES} <= columns.keys():
            ledgers = [table.ledger for table in Source(provider).tables if table.ledger in columns]
            loads = engine.word(_loads(raw, [*ledgers, SCHEMA_CHANGES]))
            yield None, f"create or replace view {named(raw, '_dlt_loads')} as {loads}"
            there[raw, "_dlt_loads"] = {"load_id", "status"}
    views = [*unified(schema, {name: f"{schema}_{name}" for name in sources.providers()}, there)]
    for view in [*views, *questions(schema, timezone, [HERE, own] if own else [HERE])[0]]:
        yield view, f"create or replace view {named(schema, view.name)} as {engine.word(view.query)}"


def _parquet_files(uri: str) -> str:
    """What reads the newest version of a table in DuckDB without an extension."""
    table = DeltaTable(uri)
    nulls = ", ".join(f'null as "{field.name}"' for field in schema_of(table))
    query = f"select {nulls} where false"  # a column may be in no file yet, and a table may have no file
    if files := ", ".join(map(_quoted, _places(table.file_uris()))):
        options = "hive_partitioning = true, hive_types = {'account': varchar}, union_by_name = true"
        query += f" union all by name select * from read_parquet([{files}], {options})"
    return f"({query})"


def _quoted(text: str) -> str:
    escaped = text.replace("'", "''")
    return f"'{escaped}'"


def _places(uris: list[str]) -> Iterator[str]:
    """The files as DuckDB names them: those of this machine by their path."""
    for uri in uris:
        parts = urlsplit(uri)
        yield unquote(parts.path) if parts.scheme in ("", "file") else uri


def _loads(raw: str, written: Iterable[str]) -> str:
    """Every load that wrote to these tables: in Delta tables there are no rows of a load that was cut off."""
    named = (f'select _dlt_load_id as load_id, 0 as status from "{raw}".{name}' for name in written)
    return " union ".join(named)
