"""`_made_views`: which views a sync has made, with a digest of each; what the views read, and what reads them."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from dlt.destinations.sql_client import SqlClientBase

from pipelines.warehouse.comments import comment_on

MADE_VIEWS = "_made_views"
_MEANING = "The views that the sync has made, each with a digest of its text: a changed text replaces its view."
_READS = """
    select distinct views.relname::text, schemas.nspname::text, tables.relname::text
    from pg_catalog.pg_class as views
    join pg_catalog.pg_rewrite as rules on rules.ev_class = views.oid
    join pg_catalog.pg_depend as reads
        on reads.classid = 'pg_catalog.pg_rewrite'::regclass and reads.objid = rules.oid
        and reads.refclassid = 'pg_catalog.pg_class'::regclass and reads.refobjid <> views.oid
    join pg_catalog.pg_class as tables on tables.oid = reads.refobjid
    join pg_catalog.pg_namespace as schemas on schemas.oid = tables.relnamespace
    where views.relkind = 'v' and views.relnamespace = (select oid from pg_catalog.pg_namespace where nspname = %s)
"""

_DEPENDENTS = """
    select distinct quote_ident(schemas.nspname) || '.' || quote_ident(others.relname)
    from pg_catalog.pg_class as views
    join pg_catalog.pg_depend as reads
        on reads.classid = 'pg_catalog.pg_rewrite'::regclass
        and reads.refclassid = 'pg_catalog.pg_class'::regclass and reads.refobjid = views.oid
    join pg_catalog.pg_rewrite as rules on rules.oid = reads.objid
    join pg_catalog.pg_class as others on others.oid = rules.ev_class
    join pg_catalog.pg_namespace as schemas on schemas.oid = others.relnamespace
    where views.relkind = 'v' and views.relnamespace = (select oid from pg_catalog.pg_namespace where nspname = %s)
        and not (others.relnamespace = views.relnamespace and others.relname = any(%s))
    order by 1
"""


def read_dependents(client: SqlClientBase[Any], schema: str, views: Collection[str]) -> list[str]:
    """The views, also materialized ones, that read a view of a PostgreSQL schema, and are not among these `views`."""
    rows: Any = client.execute_sql(_DEPENDENTS, schema, list(views))
    return [name for (name,) in rows or ()]


def read_relations(client: SqlClientBase[Any], schema: str) -> dict[str, set[tuple[str, str]]]:
    """The tables and views that each view of a PostgreSQL schema reads, by schema and name.

    A view goes on reading a table that was renamed or moved, not the one that has its name now.
    """
    found: dict[str, set[tuple[str, str]]] = {}
    rows: Any = client.execute_sql(_READS, schema)
    for view, *relation in rows or ():
        found.setdefault(view, set()).add(tuple(relation))
    return found


def read_digests(client: SqlClientBase[Any], schema: str) -> dict[str, str]:
    """The digest of each view by its name, from the table, which exists."""
    rows: Any = client.execute_sql(f'select view_name, digest from "{schema}"."{MADE_VIEWS}"')
    return dict(rows or ())


def write_digests(client: SqlClientBase[Any], schema: str, made: Mapping[str, str]) -> None:
    """Notes the digests of views that were made, by their names."""
    client.execute_sql(";\n".join(_creation(schema)))
    rows = ", ".join(["(%s, %s)"] * len(made))
    client.execute_sql(
        f'insert into "{schema}"."{MADE_VIEWS}" values {rows}'
        " on conflict (view_name) do update set digest = excluded.digest",
        *(value for row in made.items() for value in row),
    )


def forget(client: SqlClientBase[Any], schema: str, view: str) -> None:
    """Forgets a view that is gone."""
    client.execute_sql(f'delete from "{schema}"."{MADE_VIEWS}" where view_name = %s', view)


def _creation(schema: str) -> Iterator[str]:
    yield f'create table if not exists "{schema}"."{MADE_VIEWS}" (view_name text primary key, digest text)'
    yield comment_on("table", schema, MADE_VIEWS, text=_MEANING)
    yield comment_on("column", schema, MADE_VIEWS, "view_name", text="Name of the view.")
    yield comment_on("column", schema, MADE_VIEWS, "digest", text="Digest of its query and of its comments.")
