"""Writes and reads the comments of tables, views and columns in DuckDB and PostgreSQL."""

from typing import Any

from dlt.destinations.sql_client import SqlClientBase

from pipelines.warehouse.dlt_internals.destinations import is_postgres

Comments = dict[tuple[str, str], str]

# DuckDB has a pg_catalog too, but its joins take 20 MB, half of what a run may have there; these functions take 2.
_DUCKDB = (
    "select table_name, '', coalesce(comment, '') from duckdb_tables() where schema_name = %s"
    " union all select view_name, '', coalesce(comment, '') from duckdb_views() where schema_name = %s"
    " union all select table_name, column_name, coalesce(comment, '') from duckdb_columns() where schema_name = %s"
)
_POSTGRES = (
    "select relation.relname, coalesce(field.attname, ''), coalesce(about.description, '')"
    " from pg_catalog.pg_class as relation"
    " join pg_catalog.pg_namespace as space on space.oid = relation.relnamespace"
    " join (select attrelid, attname, attnum from pg_catalog.pg_attribute where attnum > 0 and not attisdropped"
    " union all select oid, null, 0 from pg_catalog.pg_class) as field on field.attrelid = relation.oid"
    " left join pg_catalog.pg_description as about"
    " on about.objoid = relation.oid and about.objsubid = field.attnum"
    " where space.nspname = %s and relation.relkind in ('r', 'p', 'v')"
)


def comment_on(kind: str, *path: str, text: str) -> str:
    """The COMMENT ON statement for the table, view or column (`kind`) at this path."""
    named = ".".join(f'"{part}"' for part in path)
    quoted = text.replace("'", "''")
    return f"comment on {kind} {named} is '{quoted}'"


def read_comments(client: SqlClientBase[Any], schema: str) -> Comments:
    """The comments in a schema by relation and column; the column is empty for the comment of the relation itself.

    Every table, view and column has an entry; the text is empty if there is no comment.
    """
    catalog = _POSTGRES if is_postgres(client) else _DUCKDB
    rows: Any = client.execute_sql(catalog, *(schema,) * catalog.count("%s"))
    return {(relation, column): text for relation, column, text in rows or ()}
