"""Writes and reads the comments of tables, views and columns, in SQL that DuckDB and PostgreSQL share."""

from typing import Any

from dlt.destinations.sql_client import SqlClientBase


def comment_on(kind: str, *path: str, text: str) -> str:
    """The COMMENT ON statement for the table, view or column (`kind`) at this path."""
    named = ".".join(f'"{part}"' for part in path)
    quoted = text.replace("'", "''")
    return f"comment on {kind} {named} is '{quoted}'"


def read_comments(client: SqlClientBase[Any], schema: str, kind: str) -> dict[str, str]:
    """Name -> comment, for the commented tables (`kind` r) or views (v) of a schema."""
    sql = (
        "select relation.relname, about.description from pg_catalog.pg_class as relation"
        " join pg_catalog.pg_namespace as space on space.oid = relation.relnamespace"
        " join pg_catalog.pg_description as about on about.objoid = relation.oid and about.objsubid = 0"
        " where space.nspname = %s and relation.relkind = %s"
    )
    rows: Any = client.execute_sql(sql, schema, kind)
    return dict(rows or ())
