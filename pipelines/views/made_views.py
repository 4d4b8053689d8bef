"""`_made_views`: which views a sync has made, and the digest of what it made each from, beside the views themselves."""

from collections.abc import Iterator, Mapping
from typing import Any

from dlt.destinations.sql_client import SqlClientBase

from pipelines.warehouse.comments import comment_on

MADE_VIEWS = "_made_views"
_MEANING = "The views that the sync has made, each with a digest of its text: a changed text replaces its view."


def read_digests(client: SqlClientBase[Any], schema: str) -> dict[str, str]:
    """The digest of each view by its name, from the table, which exists."""
    rows: Any = client.execute_sql(f'select view_name, digest from "{schema}"."{MADE_VIEWS}"')
    return dict(rows or ())


def write_digests(client: SqlClientBase[Any], schema: str, made: Mapping[str, str]) -> None:
    """Notes the digests of views that were made, by their names."""
    table = f'"{schema}"."{MADE_VIEWS}"'
    for statement in _creation(schema):
        client.execute_sql(statement)
    upsert = f"insert into {table} values (%s, %s) on conflict (view_name) do update set digest = excluded.digest"
    for name, digest in made.items():
        client.execute_sql(upsert, name, digest)


def forget(client: SqlClientBase[Any], schema: str, view: str) -> None:
    """Forgets a view that is gone."""
    client.execute_sql(f'delete from "{schema}"."{MADE_VIEWS}" where view_name = %s', view)


def _creation(schema: str) -> Iterator[str]:
    yield f'create table if not exists "{schema}"."{MADE_VIEWS}" (view_name text primary key, digest text)'
    yield comment_on("table", schema, MADE_VIEWS, text=_MEANING)
    yield comment_on("column", schema, MADE_VIEWS, "view_name", text="Name of the view.")
    yield comment_on("column", schema, MADE_VIEWS, "digest", text="Digest of its query and of its comments.")
