"""The views over Delta tables: as a DuckDB connection, or as an SQL script for DuckDB or Spark.

The connection reads the Parquet files of each table directly, so it needs no DuckDB extension.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

import duckdb
from deltalake import DeltaTable

import sources
from pipelines.config.directory import local_directory, url_of
from pipelines.lake.errors import panics_as_errors
from pipelines.lake.loading import ProviderTables
from pipelines.lake.object_storage import object_storage
from pipelines.lake.spark_sql import to_spark
from pipelines.lake.tables import schema_of
from pipelines.views.files import HERE
from pipelines.views.queries import View, questions, unified
from pipelines.views.refused import refusal, warning
from pipelines.views.zone_rules import Shift, missing_shifts
from sources.extract.source import Source
from sources.load.ledger import SCHEMA_CHANGES
from sources.records.schema import DataType
from sources.spark.nested import SPARK_TYPES

LOG = logging.getLogger("fax-sync")
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
    """The SQL of an engine: its quote character, its type names, the scan of a table by URI, the dialect of queries."""

    quote: str
    types: Mapping[DataType, str]
    scan: Callable[[str], str]
    translate: Callable[[str], str]


ENGINES = {
    "duckdb": Engine('"', _DUCKDB_TYPES, lambda uri: f"delta_scan({_quoted(uri)})", lambda query: query),
    "spark": Engine("`", SPARK_TYPES, lambda uri: f"delta.`{_spark_path(uri)}`", to_spark),
}


def connect(
    output: str, schema: str = "fax", timezone: str = "UTC", own: Path | None = None
) -> duckdb.DuckDBPyConnection:
    """A connection to an in-memory database with a view of each raw table below `output`, and the warehouse's views.

    It shows the current versions of the tables. Days and months are those of `timezone`. `own` is the folder of the
    user's own views; one that cannot be created is left out, with a warning in the log.

    Raises:
        WarehouseError: a table was not created by this sync.
    """
    url = url_of(output)
    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'")
    if local_directory(url) is None:
        connection.register_filesystem(object_storage(url))
    engine = Engine('"', _DUCKDB_TYPES, _parquet_files, lambda query: query)
    shifts = missing_shifts(lambda sql: connection.execute(sql).fetchall(), timezone)
    for view, statement in _statements(url, schema, timezone, own, engine, shifts):
        try:
            connection.execute(statement)
        except duckdb.Error as error:
            file, reason = view.file if view else None, refusal(error, statement)
            if file is None or file.path.parent == HERE or reason is None:
                raise
            LOG.warning("%s", warning(file, reason, query_line=1))
    return connection


def script(engine: str, output: str, schema: str, timezone: str) -> Iterator[str]:
    """The statements that create views of all raw tables below `output`, and all views of the warehouse.

    Raises:
        WarehouseError: a table was not created by this sync.
    """
    for _, statement in _statements(url_of(output), schema, timezone, None, ENGINES[engine]):
        yield statement


def _statements(
    output: str, schema: str, timezone: str, own: Path | None, engine: Engine, shifts: Sequence[Shift] = ()
) -> Iterator[tuple[View | None, str]]:
    """The statements in order, each with the view that it creates; None for a schema or a raw table."""

    def quote(*names: str) -> str:
        return ".".join(f"{engine.quote}{name}{engine.quote}" for name in names)

    yield None, f"create schema if not exists {quote(schema)}"
    columns_of: dict[tuple[str, str], set[str]] = {}
    for provider in sources.providers():
        raw = f"{schema}_{provider}"
        yield None, f"create schema if not exists {quote(raw)}"
        held = ProviderTables(output, schema, provider, str)
        columns = held.columns()
        for name, types in columns.items():
            listed = ", ".join(
                f"cast({quote(column)} as {engine.types[kind]}) as {quote(column)}" for column, kind in types.items()
            )
            query = f"select {listed} from {engine.scan(f'{held.root}/{name}')}"
            yield None, f"create or replace view {quote(raw, name)} as {query}"
            columns_of[raw, name] = {*types}
        with_loads = (*(table.ledger for table in Source(provider).tables), SCHEMA_CHANGES)
        if there := [name for name in with_loads if name in columns]:
            loads = engine.translate(_loads(raw, there))
            yield None, f"create or replace view {quote(raw, '_dlt_loads')} as {loads}"
            columns_of[raw, "_dlt_loads"] = {"load_id", "status"}
    views = [*unified(schema, columns_of)]
    asked, problems = questions(schema, timezone, [HERE, own] if own else [HERE], shifts=shifts)
    for problem in problems:
        LOG.warning("%s", problem)
    for view in [*views, *asked]:
        yield view, f"create or replace view {quote(schema, view.name)} as {engine.translate(view.query)}"


@panics_as_errors()
def _parquet_files(uri: str) -> str:
    """The DuckDB query for the newest version of a table, without an extension."""
    table = DeltaTable(uri)
    nulls = ", ".join(f'null as "{field.name}"' for field in schema_of(table))
    query = f"select {nulls} where false"  # a column may be in no file, and a table may have none
    if files := ", ".join(map(_quoted, _locations(table.file_uris()))):
        # Not by hive_partitioning: it takes `null` for no value, and other directories in the path for columns.
        account = "regexp_extract(_dlt_file, '.*/account=([^/]*)/', 1) as account"
        options = "hive_partitioning = false, filename = '_dlt_file', union_by_name = true"
        query += f" union all by name select * exclude (_dlt_file), {account} from read_parquet([{files}], {options})"
    return f"({query})"


def _quoted(text: str) -> str:
    escaped = text.replace("'", "''")
    return f"'{escaped}'"


def _spark_path(uri: str) -> str:
    """The place as Spark takes it between backticks: it decodes no URL."""
    directory = local_directory(uri)
    return (f"file://{directory}" if directory else uri).replace("`", "``")


def _locations(uris: list[str]) -> Iterator[str]:
    """The files as DuckDB takes them: local files by their path, others by their URI."""
    for uri in uris:
        parts = urlsplit(uri)
        yield unquote(parts.path) if parts.scheme in ("", "file") else uri


def _loads(raw: str, tables: Iterable[str]) -> str:
    """The query for all loads of these tables. In Delta tables every load is committed."""
    queries = (f'select _dlt_load_id as load_id, 0 as status from "{raw}".{name}' for name in tables)
    return " union ".join(queries)
