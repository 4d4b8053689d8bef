"""The views in the warehouse, made again only when their text has changed, which the end of their comments tells."""

from collections.abc import Collection, Iterator
from typing import Any

from dlt.destinations.exceptions import DatabaseException
from dlt.destinations.sql_client import SqlClientBase

import sources
from pipelines.comments import comment_on, read_comments
from pipelines.postgres import CANNOT_REPLACE, DEPENDENTS, state_of
from pipelines.views.queries import View, questions, unified


def refresh_views(client: SqlClientBase[Any], schema: str, timezone: str = "UTC") -> str | None:
    """Makes the views in `schema`, if one is missing or out of date; a warning, if others' views keep an old one.

    The days and months of the reports are those of `timezone`.

    Nothing is dropped that somebody else has built upon: the old views then stay as they are.
    """
    raw_schemas = {name: f"{schema}_{name}" for name in sources.providers()}
    tables = _tables(client, raw_schemas.values())
    views = [*unified(schema, raw_schemas, tables), *questions(schema, timezone)]
    comments = read_comments(client, schema, "v")
    if all(comments.get(view.name) == _comment(view) for view in views):
        return None
    drops = [f'drop view if exists "{schema}"."{view.name}"' for view in reversed(views)]
    makes = [statement for view in views for statement in _statements(schema, view)]
    try:
        _execute(client, schema, makes)
    except DatabaseException as error:
        if state_of(error) != CANNOT_REPLACE:
            raise
        try:
            _execute(client, schema, [*drops, *makes])
        except DatabaseException as error:
            if state_of(error) != DEPENDENTS:
                raise
            return f"the views in {schema} stay as they were: other views depend on them; drop those, and run again"
    return None


def _execute(client: SqlClientBase[Any], schema: str, statements: list[str]) -> None:
    with client.begin_transaction():
        if not client.execute_sql("select 1 from pg_catalog.pg_namespace where nspname = %s", schema):
            client.execute_sql(f'create schema "{schema}"')
        for statement in statements:
            client.execute_sql(statement)


def _tables(client: SqlClientBase[Any], schemas: Collection[str]) -> set[tuple[str, str]]:
    listed = ", ".join(f"'{schema}'" for schema in schemas)
    sql = f"select table_schema, table_name from information_schema.tables where table_schema in ({listed})"
    return {(schema, table) for schema, table in client.execute_sql(sql) or ()}


def _comment(view: View) -> str:
    return f"{view.meaning} [{view.mark()}]"


def _statements(schema: str, view: View) -> Iterator[str]:
    yield f'create or replace view "{schema}"."{view.name}" as {view.query}'
    yield comment_on("view", schema, view.name, text=_comment(view))
    for column in view.columns:
        yield comment_on("column", schema, view.name, column.name, text=column.meaning)
