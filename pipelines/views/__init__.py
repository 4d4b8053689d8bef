"""Creates the views in the warehouse, and replaces them only when they have changed.

A view whose text the database refuses is left out, with a warning; the views that do not read it are created.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from dlt.destinations.exceptions import DatabaseException
from dlt.destinations.sql_client import SqlClientBase

import sources
from pipelines.outcome.postgres_errors import CANNOT_REPLACE, CHANGED_BY_HAND, DEPENDENTS, state_of
from pipelines.views.files import HERE, file_names
from pipelines.views.made_views import (
    MADE_VIEWS,
    forget,
    read_dependents,
    read_digests,
    read_relations,
    write_digests,
)
from pipelines.views.privileges import read_options, read_privileges, restore_options, restore_privileges
from pipelines.views.queries import UNIFIED, View, questions, unified
from pipelines.views.refused import Refusal, refusal, warning
from pipelines.views.zone_rules import missing_shifts
from pipelines.warehouse.comments import comment_on, read_comments
from pipelines.warehouse.dlt_internals.destinations import is_postgres
from sources.errors import WarehouseError


class _Refused(Exception):
    """The database refused the text of a view."""

    def __init__(self, view: View, reason: Refusal) -> None:
        super().__init__(view.name)
        self.view, self.reason = view, reason


def refresh_views(client: SqlClientBase[Any], schema: str, timezone: str = "UTC", own: Path | None = None) -> list[str]:
    """Creates the views in `schema` that are missing or out of date; returns a warning for each that it cannot create.

    Days and months in the reports are those of `timezone`; `own` is the folder of the user's own views, if it is there.
    A view that a sync has made is dropped once its file is gone, but not if the whole folder is gone. If another view
    depends on one that would have to be dropped, the old views stay as they are.

    Raises:
        WarehouseError: the database refused a unified view, which the others read.
    """
    views, warnings = _wanted(client, schema, timezone, own)
    drops = [f'drop view if exists "{schema}"."{view.name}"' for view in reversed(views)]
    current, made = _current(client, schema, views)
    if own and own.is_dir():
        known = file_names(_folders(own)) | UNIFIED.keys()
        warnings += _drop(client, schema, [name for name in made if name.lower() not in known])
    while due := _due(views, current):
        try:
            return warnings + _replace(client, schema, views, due, drops)
        except _Refused as refused:
            warnings.append(_warning(refused))
            views.remove(refused.view)
    return warnings


def read_obstacles(client: SqlClientBase[Any], schema: str, timezone: str, own: Path | None) -> list[str]:
    """What reads views of `schema` that are out of date, by name: it may keep the next refresh from replacing them."""
    if not is_postgres(client):
        return []
    views, _ = _wanted(client, schema, timezone, own)
    current, _ = _current(client, schema, views)
    names, existing = {view.name for view in views}, {name for name, _ in read_comments(client, schema)}
    return read_dependents(client, schema, names) if (names & existing) - current else []


def _folders(own: Path | None) -> list[Path]:
    return [HERE, own] if own else [HERE]


def _wanted(client: SqlClientBase[Any], schema: str, timezone: str, own: Path | None) -> tuple[list[View], list[str]]:
    """The views that there should be, and one sentence for each unusable file."""
    raw_schemas = [f"{schema}_{name}" for name in sources.providers()]
    if is_postgres(client):  # its rules may be newer than ours: check.py tells of a difference
        asked, problems = questions(schema, timezone, _folders(own), joins_calendar=False)
    else:
        asked, problems = questions(
            schema, timezone, _folders(own), shifts=missing_shifts(client.execute_sql, timezone)
        )
    return [*unified(schema, _tables(client, raw_schemas)), *asked], problems


def _current(client: SqlClientBase[Any], schema: str, views: Collection[View]) -> tuple[set[str], Mapping[str, str]]:
    """The names of the views that are there as they should be, and the digests of all that a sync has made."""
    comments = read_comments(client, schema)
    existing = {name for name, _ in comments}
    made = read_digests(client, schema) if MADE_VIEWS in existing else {}
    relations = read_relations(client, schema) if is_postgres(client) else {}
    return {
        view.name
        for view in views
        if view.name in existing
        and made.get(view.name) == view.digest()
        and comments.get((view.name, ""), "") == view.meaning
        and not view.misses(relations.get(view.name, ()))
    }, made


def _drop(client: SqlClientBase[Any], schema: str, gone: list[str]) -> list[str]:
    """Drops the views whose files are gone, each after those that read it; a warning for each that others depend on."""
    while gone:
        left = [name for name in gone if not _dropped(client, schema, name)]
        if left == gone:
            return [f"{schema}.{name} was not dropped, though its file is gone: other views read it" for name in left]
        gone = left
    return []


def _dropped(client: SqlClientBase[Any], schema: str, name: str) -> bool:
    """Drops a view unless another depends on it; what has its name now, and is no view, stays."""
    sql = "select 1 from information_schema.views where table_schema = %s and table_name = %s"
    try:
        with client.begin_transaction():
            if client.execute_sql(sql, schema, name):
                client.execute_sql(f'drop view "{schema}"."{name}"')
            forget(client, schema, name)
    except DatabaseException as error:
        if state_of(error) != DEPENDENTS:
            raise
        return False
    return True


def _due(views: Sequence[View], current: Collection[str]) -> list[View]:
    """The views that are not current, and those that read them; all views if one of them is unified."""
    due: dict[str, View] = {}
    for view in views:
        if view.name not in current or due.keys() & view.reads:
            if view.file is None:
                return list(views)
            due[view.name] = view
    return list(due.values())


def _replace(
    client: SqlClientBase[Any], schema: str, views: Sequence[View], due: Sequence[View], drops: Sequence[str]
) -> list[str]:
    """Creates the due views, or all of them anew if columns have changed; a warning if others depend on them."""
    try:
        _create(client, schema, due)
    except DatabaseException as error:
        if state_of(error) != CANNOT_REPLACE:
            raise
        try:
            _create(client, schema, views, drops)
        except DatabaseException as error:
            if state_of(error) != DEPENDENTS:
                raise
            others = ", ".join(read_dependents(client, schema, {view.name for view in views})) or "other objects"
            return [f"the views in {schema} were not updated, because of what reads them: drop {others}, and run again"]
    return []


def _create(client: SqlClientBase[Any], schema: str, views: Sequence[View], drops: Sequence[str] = ()) -> None:
    """Creates the views in one transaction.

    Raises:
        _Refused: the text of a view is wrong; nothing was changed.
    """
    with client.begin_transaction():
        if not client.execute_sql("select 1 from pg_catalog.pg_namespace where nspname = %s", schema):
            client.execute_sql(f'create schema "{schema}"')
        options = read_options(client, schema) if is_postgres(client) else {}
        privileges = read_privileges(client, schema) if drops else set()  # only PostgreSQL needs drops
        for drop in drops:
            client.execute_sql(drop)
        for view in views:
            statement = f'create or replace view "{schema}"."{view.name}" as (\n{view.query}\n)'
            try:
                client.execute_sql(statement)
            except DatabaseException as error:
                reason = refusal(error, statement)
                if reason is None or state_of(error) == CANNOT_REPLACE:
                    raise
                raise _Refused(view, reason) from error
        restore_options(client, schema, {view.name for view in views}, options)
        if drops:
            restore_privileges(client, schema, privileges)
        client.execute_sql(";\n".join(_comments(schema, views, _tables(client, [schema]))))
        write_digests(client, schema, {view.name: view.digest() for view in views})


def _warning(refused: _Refused) -> str:
    """One sentence with the file, the line and the database's message.

    Raises:
        WarehouseError: the view is a unified one.
    """
    file, reason = refused.view.file, refused.reason
    if file is None:
        raise WarehouseError(
            f"the database refused the view {refused.view.name}: {reason.message}: if a table of yours has the name of "
            f"the view, rename it, or set [sync] schema to another; else {CHANGED_BY_HAND}"
        ) from refused
    return warning(file, reason, query_line=2)


def _tables(client: SqlClientBase[Any], schemas: Collection[str]) -> dict[tuple[str, str], set[str]]:
    """The columns of every table in the schemas, by schema and table."""
    listed = ", ".join(f"'{schema}'" for schema in schemas)
    sql = (
        f"select table_schema, table_name, column_name from information_schema.columns where table_schema in ({listed})"
    )
    columns: dict[tuple[str, str], set[str]] = {}
    for schema, table, column in client.execute_sql(sql) or ():
        columns.setdefault((schema, table), set()).add(column)
    return columns


def _comments(schema: str, views: Sequence[View], columns: Mapping[tuple[str, str], Collection[str]]) -> Iterator[str]:
    """The comments of the views and of the columns that they have."""
    for view in views:
        yield comment_on("view", schema, view.name, text=view.meaning)
        for column, meaning in view.columns.items():
            if column in columns[schema, view.name]:
                yield comment_on("column", schema, view.name, column, text=meaning)
