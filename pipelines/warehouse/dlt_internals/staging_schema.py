"""Drops the staging schemas that loads of an earlier version created.

dlt 1.31 never drops one: 200 accounts of two providers had 400 staging schemas with 2,800 tables in PostgreSQL.
"""

import logging
from collections.abc import Collection
from typing import Any

from dlt.destinations.exceptions import DatabaseException
from dlt.destinations.sql_client import SqlClientBase

from pipelines.warehouse.dlt_internals.destinations import is_postgres

LOG = logging.getLogger("fax-sync")
_IN_DUCKDB = """
    select tables.table_name, if(tables.table_type = 'BASE TABLE', 'r', 'v') from duckdb_schemas() as schemas
    left join information_schema.tables as tables
        on tables.table_catalog = schemas.database_name and tables.table_schema = schemas.schema_name
    where schemas.database_name = current_database() and schemas.schema_name = %s
"""
_IN_POSTGRES = """
    select relations.relname::text, relations.relkind::text from pg_catalog.pg_namespace as schemas
    left join pg_catalog.pg_class as relations
        on relations.relnamespace = schemas.oid and relations.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
    where schemas.nspname = %s and pg_has_role(schemas.nspowner, 'usage')
"""


def drop_staging_schema(client: SqlClientBase[Any], name: str, known_tables: Collection[str]) -> None:
    """Drops the schema if it holds only `known_tables`, in PostgreSQL if the role owns it and nothing needs them."""
    there: Any = client.execute_sql(_IN_POSTGRES if is_postgres(client) else _IN_DUCKDB, name) or ()
    tables = [table for table, _ in there if table]
    if not there or any(kind != "r" or table not in known_tables for table, kind in there if table):
        return
    statements = [*(f'drop table "{name}"."{table}"' for table in tables), f'drop schema "{name}"']
    try:
        with client.begin_transaction():
            if is_postgres(client):
                client.execute_sql("set local lock_timeout = '2s'")
            client.execute_sql("; ".join(statements))
    except DatabaseException:
        LOG.debug("%s stays", name, exc_info=True)
