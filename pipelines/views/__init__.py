"""The views: the unified ones, each a union of what every provider says of itself in SQL, then one for every file here.

A file reads `raw.<table>`, the provider's own schema, and `fax.<view>`; both names are replaced by those configured.
Views are made again only when their text has changed, which the end of each view's comment tells.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

from dlt.destinations.exceptions import DatabaseException
from dlt.destinations.sql_client import SqlClientBase

import sources
from pipelines.comments import comment_on, read_comments
from pipelines.postgres import CANNOT_REPLACE, DEPENDENTS, state_of
from sources import fax, ledger
from sources.columns import Column

HERE = Path(__file__).parent
UNIFIED: dict[str, tuple[str, tuple[Column, ...]]] = {
    "faxes": ("Every fax of every provider and account. Grain: one row per fax.", fax.FAXES),
    "fax_recipients": ("Every delivery. Grain: one row per fax and other party.", fax.FAX_RECIPIENTS),
    "fax_tags": ("The customers' own tags. Grain: one row per fax and tag name.", fax.FAX_TAGS),
    "schema_changes": (ledger.CHANGES_MEANING, (fax.PROVIDER, *ledger.CHANGE_COLUMNS)),
    "sync_windows": (ledger.WINDOWS_MEANING, (fax.PROVIDER, *ledger.WINDOW_COLUMNS)),
}
_SQL_TYPES = {
    "text": "text",
    "bigint": "bigint",
    "double": "double precision",
    "bool": "boolean",
    "timestamp": "timestamp with time zone",
    "decimal": "numeric(18, 6)",
}
_SCHEMA = re.compile(r"\b(from|join)\s+(raw|fax)\.(\w+)")


@dataclass(frozen=True)
class View:
    """A view: its name, its meaning, its columns where they are declared, and the query."""

    name: str
    meaning: str
    columns: tuple[Column, ...]
    query: str

    def mark(self) -> str:
        """A digest of everything that makes the view; it ends the view's comment."""
        return blake2b(repr(self).encode(), digest_size=6).hexdigest()


def refresh_views(client: SqlClientBase[Any], schema: str) -> str | None:
    """Makes the views in `schema`, if one is missing or out of date; a warning, if others' views keep an old one.

    Nothing is dropped that somebody else has built upon: the old views then stay as they are.
    """
    raw_schemas = {name: f"{schema}_{name}" for name in sources.providers()}
    views = list(_views(schema, raw_schemas, _tables(client, raw_schemas.values())))
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


def _views(schema: str, raw_schemas: dict[str, str], tables: Collection[tuple[str, str]]) -> Iterator[View]:
    for name, (meaning, columns) in UNIFIED.items():
        branches = [_empty_branch(columns)]
        for provider, raw in raw_schemas.items():
            sql = _branch_file(provider, name).read_text("utf-8") if _branch_file(provider, name).exists() else ""
            if sql and all((raw, table) in tables for table in _raw_tables(sql)) and (raw, "sync_windows") in tables:
                branches.append(
                    f"select '{provider}' as provider, rows.* from ({_named(sql, schema, raw, provider)}) as rows"
                )
        yield View(name, meaning, columns, "\nunion all\n".join(branches))
    for path in sorted(HERE.glob("*.sql")):
        sql = path.read_text("utf-8")
        meaning = " ".join(line.removeprefix("--").strip() for line in sql.splitlines() if line.startswith("--"))
        yield View(path.stem, meaning, (), _named(sql, schema, "", ""))


def _branch_file(provider: str, view: str) -> Path:
    """The provider's own file for a unified view, else the one that all providers share."""
    folder = Path(sources.provider(provider).__path__[0])
    own = folder / f"{view}.sql"
    return own if own.exists() else folder.parent / f"{view}.sql"


def _empty_branch(columns: tuple[Column, ...]) -> str:
    """A branch without rows, which gives the union its column names and types, and keeps it alive without providers."""
    nulls = (f"cast(null as {_SQL_TYPES[column.data_type]}) as {column.name}" for column in columns)
    return f"select {', '.join(nulls)} where false"


def _raw_tables(sql: str) -> set[str]:
    return {table for _, schema, table in _SCHEMA.findall(sql) if schema == "raw"}


def _named(sql: str, schema: str, raw: str, provider: str) -> str:
    """The query with the real names of its schemas and its provider, without its comments."""
    names = {"raw": raw, "fax": schema}
    text = "\n".join(line for line in sql.splitlines() if not line.startswith("--"))
    text = _SCHEMA.sub(lambda match: f'{match[1]} "{names[match[2]]}"."{match[3]}"', text)
    return text.replace(":provider", f"'{provider}'").strip()


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
