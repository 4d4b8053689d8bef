"""Drops the staging schemas that loads of an earlier version created in PostgreSQL.

dlt 1.31 never drops one: 200 accounts of two providers had 400 staging schemas with 2,800 tables.
"""

import logging
from collections.abc import Collection
from typing import Any

from dlt.destinations.exceptions import DatabaseException
from dlt.destinations.sql_client import SqlClientBase

LOG = logging.getLogger("fax-sync")
_RELATIONS = """
    select relations.relname::text, relations.relkind::text from pg_catalog.pg_namespace as schemas
    left join pg_catalog.pg_class as relations
        on relations.relnamespace = schemas.oid and relations.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
    where schemas.nspname = %s and pg_has_role(schemas.nspowner, 'usage')
"""


def drop_staging_schema(client: SqlClientBase[Any], name: str, known_tables: Collection[str]) -> None:
    """Drops the schema if the role owns it, it holds only `known_tables`, and nothing depends on them."""
    there: Any = client.execute_sql(_RELATIONS, name) or ()
    tables = [table for table, _ in there if table]
    if not there or any(kind != "r" or table not in known_tables for table, kind in there if table):
        return
    statements = [*(f'drop table "{name}"."{table}"' for table in tables), f'drop schema "{name}"']
    try:
        with client.begin_transaction():
            client.execute_sql("set local lock_timeout = '2s'")
            client.execute_sql("; ".join(statements))
    except DatabaseException:
        LOG.debug("%s stays", name, exc_info=True)
