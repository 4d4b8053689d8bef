"""What is wrong with a warehouse that can be opened: privileges, disk space, and left-over staging schemas."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from dlt.common.schema import Schema
from dlt.destinations.sql_client import SqlClientBase

from pipelines.config.settings import ReportSettings
from pipelines.health.machine import scarce_room
from pipelines.outcome.error_mapping import to_fax_sync_error
from pipelines.views import read_obstacles
from pipelines.views.zone_rules import missing_shifts
from pipelines.warehouse.dlt_internals.stored_state import stored_schema
from pipelines.warehouse.dlt_internals.unique_keys import Key, acting_keys, keys_of
from pipelines.warehouse.load import Warehouse
from sources.records.schema import SQL_TYPES

_TRIAL = "fax_sync_check"  # a table that is created and never committed


class _Undo(Exception):
    """Rolls a transaction back."""


def warehouse_findings(opened: Warehouse, schema: str) -> Iterator[str]:
    """One sentence for each fault that would stop a load. What the check writes is rolled back."""
    file = opened.session.file
    if file and (scarce := scarce_room(file.parent)):
        yield scarce
    if opened.appends:
        return
    if opened.session.kind == "postgres":
        yield from acting_keys(opened.client, opened.raw)
    try:
        stored = stored_schema(opened.session.job_client, opened.session.provider)
        tables = stored.tables if stored else {}
        _try_to_write(opened.client, (schema, opened.raw), tables)
    except Exception as failure:
        error = to_fax_sync_error(failure)
        if error is None:
            raise
        yield str(error)
    else:
        yield from _inexact(opened.client, opened.raw, tables)
        if opened.session.kind == "postgres":
            yield from _tables_of_others(opened.client, opened.raw, tables)
            yield from _obstacles(opened.client, schema)
            yield from _inherited(opened.client, opened.raw, keys_of(Schema(opened.session.provider)))


def _tables_of_others(client: SqlClientBase[Any], raw: str, tables: Collection[str]) -> Iterator[str]:
    """A sentence with what to do, if the role may write to some of the tables but not add columns."""
    sql = (
        "select relname from pg_catalog.pg_class where relnamespace = to_regnamespace(%s) and relname = any(%s)"
        " and not pg_has_role(relowner, 'usage') order by 1"
    )
    rows: Any = client.execute_sql(sql, raw, list(tables))
    if rows:
        owned = "; ".join(
            f'alter table {raw}.{table} owner to "{client.native_connection.info.user}"' for (table,) in rows
        )
        yield (
            "the role does not own tables of the sync, so that it cannot add a column for a new field: run, as their "
            f"owner or a superuser, {owned}"
        )


def _inexact(client: SqlClientBase[Any], raw: str, tables: Mapping[str, Any]) -> Iterator[str]:
    """A sentence for each column whose type was changed by hand to one that shortens times or amounts of money."""
    sql = """
        select table_name, column_name, lower(data_type), coalesce(datetime_precision, 6), numeric_scale
        from information_schema.columns where table_schema = %s order by 1, ordinal_position
    """
    for table, column, kind, digits, scale in _rows(client, sql, raw):
        hints = tables.get(table, {"columns": {}})["columns"].get(column, {})
        is_decimal = kind.startswith(("numeric", "decimal")) and (scale is None or scale >= hints.get("scale", 0))
        due, is_exact = {
            "timestamp": (SQL_TYPES["timestamp"], kind == SQL_TYPES["timestamp"] and digits == 6),
            "decimal": (f"numeric({hints.get('precision')}, {hints.get('scale')})", is_decimal),
        }.get(hints.get("data_type"), ("", True))
        if not is_exact:
            yield (
                f"column {column} of {raw}.{table} has the type {kind}, so that its values are not exact: alter table "
                f"{raw}.{table} alter column {column} type {due}, and run sync.py --full-refresh"
            )


def _obstacles(client: SqlClientBase[Any], schema: str) -> Iterator[str]:
    """A sentence if views of users may keep a sync from replacing views that are out of date."""
    settings = ReportSettings.read()
    if names := ", ".join(read_obstacles(client, schema, settings.timezone, settings.own_views())):
        yield (
            f"views in {schema} are out of date, and {names} read them: run sync.py; if it warns that they were not "
            f"updated, drop {names}, run sync.py, and create them again"
        )


def _inherited(client: SqlClientBase[Any], raw: str, keys: Mapping[str, Key]) -> Iterator[str]:
    """A sentence for each table whose rows are there twice, because a table of a user inherits from it."""
    sql = """
        select parents.relname::text, quote_ident(schemas.nspname) || '.' || quote_ident(children.relname)
        from pg_catalog.pg_inherits
        join pg_catalog.pg_class as parents on parents.oid = inhparent and parents.relkind = 'r'
        join pg_catalog.pg_class as children on children.oid = inhrelid
        join pg_catalog.pg_namespace as schemas on schemas.oid = children.relnamespace
        where parents.relnamespace = to_regnamespace(%s) and parents.relname = any(%s)
        order by 1, 2
    """
    for table, child in _rows(client, sql, f'"{raw}"', list(keys)):
        key = ", ".join(keys[table])
        twice = f'select 1 from "{raw}"."{table}" group by {key} having count(*) > 1 limit 1'
        if _rows(client, twice):
            yield (
                f"rows of {raw}.{table} are there twice, because {child} inherits from it, so that sums count them "
                f"twice: alter table {child} no inherit {raw}.{table}"
            )


def warehouse_notes(opened: Warehouse, provider: str, accounts: Collection[str]) -> Iterator[str]:
    """One sentence for each staging schema of the provider that an earlier version has left, and for zone rules."""
    if opened.session.kind == "postgres":
        yield from _zone_rules(opened.client)
    begins, ends = f"{opened.raw}_", "_staging"
    for (name,) in () if opened.appends else _rows(opened.client, "select nspname from pg_catalog.pg_namespace"):
        account = name.removeprefix(begins).removesuffix(ends)
        if name != f"{begins}{account}{ends}":
            continue
        if account in accounts:
            yield f"schema {name} is left over: the next load drops it, unless it holds something of yours"
        else:
            yield (
                f"schema {name} is left over from {provider}/{account}, which is no longer configured: "
                f"drop schema {name} cascade, unless you will configure it again"
            )


def _zone_rules(client: SqlClientBase[Any]) -> Iterator[str]:
    """A sentence if the rules of the server for the time zone of the reports have differed from those of `tzdata`."""
    zone = ReportSettings.read().timezone
    since = min((start for start, _, _ in missing_shifts(client.execute_sql, zone)), default=None)
    if since and since < datetime.now(UTC):
        yield (
            f"days and months of the views may be an hour off since {since:%Y-%m-%d}, because PostgreSQL and the "
            f"package tzdata {version('tzdata')} have other rules for {zone}: update the one that is older; the "
            "rules of PostgreSQL are its system's, or come with a minor version"
        )


def version_of(opened: Warehouse) -> str:
    """The kind and the version of the warehouse."""
    if opened.appends:
        return "files"
    if opened.session.kind == "duckdb":
        sql = (
            "select tags['storage_version'], version() from duckdb_databases() where database_name = current_catalog()"
        )
        ((storage, version),) = _rows(opened.client, sql)
        return f"a DuckDB file of storage version {storage}, opened by DuckDB {version}"
    ((version,),) = _rows(opened.client, "show server_version")
    return f"PostgreSQL {version}"


def _try_to_write(client: SqlClientBase[Any], schemas: Collection[str], tables: Mapping[str, Any]) -> None:
    """Creates a table in each schema, and inserts and deletes no row in each of the tables; rolls it all back."""
    existing = _rows(
        client,
        """
        select schemas.nspname, tables.relname from pg_catalog.pg_namespace as schemas
        left join pg_catalog.pg_class as tables on tables.relnamespace = schemas.oid and tables.relkind in ('r', 'p')
        """,
    )
    names = {schema: [table for name, table in existing if name == schema and table in tables] for schema in schemas}
    missing = set(schemas) - {name for name, _ in existing}
    with suppress(_Undo), client.begin_transaction():
        for schema, found in names.items():
            if schema in missing:
                client.execute_sql(f'create schema "{schema}"')
            client.execute_sql(f'create table "{schema}".{_TRIAL} (id bigint)')
            for table in found:
                named = f'"{schema}"."{table}"'
                column = next(iter(tables[table]["columns"]))  # not all: a generated column of a user takes no value
                client.execute_sql(f'insert into {named} ("{column}") select "{column}" from {named} where false')
                client.execute_sql(f"delete from {named} where false")
        client.execute_sql(f"create temporary table {_TRIAL} (id bigint)")
        raise _Undo


def _rows(client: SqlClientBase[Any], sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
    rows: Any = client.execute_sql(sql, *parameters)
    return list(rows or ())
