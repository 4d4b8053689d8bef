"""Creates what dlt does not: comments, the table of runs, and in PostgreSQL indexes and statistics."""

import logging
from collections.abc import Iterator, Mapping
from typing import Any

from dlt.common.schema import Schema
from dlt.destinations.exceptions import DatabaseException
from dlt.destinations.sql_client import SqlClientBase

from pipelines.warehouse import sync_runs
from pipelines.warehouse.comments import comment_on, read_comments
from pipelines.warehouse.dlt_internals.destinations import is_postgres
from sources.extract.source import Source
from sources.load.ledger import RUN_COLUMNS, SYNC_RUNS

LOG = logging.getLogger("fax-sync")
_MANY_ROWS = 1_000


def make_comments_and_indexes(client: SqlClientBase[Any], raw: str, schema: Schema) -> None:
    """Creates the comments, the indexes and the table of runs that the raw schema lacks."""
    comments = read_comments(client, raw)
    if any((SYNC_RUNS, column.name) not in comments for column in RUN_COLUMNS):
        client.execute_sql(sync_runs.creation_sql(raw))
    lacking = [
        comment_on("column" if column else "table", raw, *filter(None, (table, column)), text=meaning)
        for (table, column), meaning in _meanings(schema)
        if comments.get((table, column), meaning) != meaning  # what was dropped has none, until it is loaded again
    ]
    if lacking:
        client.execute_sql(";\n".join(lacking))
    if is_postgres(client):
        _make_indexes(client, raw, schema)


def _meanings(schema: Schema) -> Iterator[tuple[tuple[str, str], str]]:
    """What each table and column means, by both names; the column is empty for the table."""
    for name, table in sorted(schema.tables.items()):
        if meaning := table.get("description"):
            yield (name, ""), meaning
        for column, hints in table["columns"].items():
            if meaning := hints.get("description"):
                yield (name, column), meaning


def _make_indexes(client: SqlClientBase[Any], raw: str, schema: Schema) -> None:
    """Creates the indexes that are missing. `if not exists` would lock the tables of those that exist."""
    found: Any = client.execute_sql("select indexname from pg_catalog.pg_indexes where schemaname = %s", raw)
    existing = {name for (name,) in found or ()}
    for name, statement in _indexes(raw, schema):
        if name not in existing:
            client.execute_sql(statement)


def _indexes(raw: str, schema: Schema) -> Iterator[tuple[str, str]]:
    """The name of each index, and the statement that creates it."""
    created = {table.name: table.created_at for table in Source(schema.name).tables}
    for name, table in sorted(schema.tables.items()):
        if (column := created.get(name)) in table["columns"]:
            named = f"{name}_account_{column}"
            yield named, f'create index if not exists "{named}" on "{raw}"."{name}" ("account", "{column}")'


def refresh_statistics(client: SqlClientBase[Any], schema: Schema, rows: Mapping[str, int]) -> None:
    """Has PostgreSQL analyze the tables that many rows were loaded into; `rows` are counts by table.

    PostgreSQL does so by itself a minute later. Until then its planner expects few rows, and a query that is planned in
    this minute may compare each row of a table with each row of another, for hours. A locked table is left out.
    """
    for table, count in rows.items():
        if count < _MANY_ROWS or table not in schema.tables:
            continue
        try:
            with client.begin_transaction():
                client.execute_sql(f"set local lock_timeout = '2s'; {_analyze(client, schema, table, count)}")
        except DatabaseException:
            LOG.debug("the statistics of %s stay", table, exc_info=True)


def _analyze(client: SqlClientBase[Any], schema: Schema, table: str, count: int) -> str:
    """The statements that analyze a table into which `count` rows were loaded.

    If most of its rows are new, a tenth of the usual sample is taken. PostgreSQL analyzes the table in full a minute
    later, because an ANALYZE that names columns does not count; a partitioned table it never does.
    """
    named = client.make_qualified_table_name(table)
    sql = "select relkind, reltuples from pg_catalog.pg_class where oid = to_regclass(%s)"
    ((relkind, before),) = client.execute_sql(sql, named) or [("", 0)]
    if relkind != "r" or before > count:
        return f"analyze {named}"
    columns = ", ".join(f'"{name}"' for name, hints in schema.tables[table]["columns"].items() if "data_type" in hints)
    return f"set local default_statistics_target = 10; analyze {named} ({columns})"
