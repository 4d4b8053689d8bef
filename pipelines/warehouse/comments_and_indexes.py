"""Creates what dlt does not: comments, the table of runs, and on PostgreSQL the indexes that speed up merges."""

from collections.abc import Iterator
from hashlib import blake2b
from typing import Any

from dlt.common.schema import Schema
from dlt.destinations.sql_client import SqlClientBase

from pipelines.warehouse import sync_runs
from pipelines.warehouse.comments import comment_on, read_comments
from sources.load.ledger import SYNC_WINDOWS


def make_comments_and_indexes(client: SqlClientBase[Any], raw: str, schema: Schema, with_indexes: bool) -> None:
    """Creates the comments, the indexes and the table of runs of the raw schema, unless they exist.

    They exist if the comment of `sync_windows` ends in the digest of their statements.
    """
    statements = [
        *sync_runs.creation_statements(raw),
        *_comments(raw, schema),
        *(_indexes(raw, schema) if with_indexes else ()),
    ]
    digest = blake2b("\0".join(statements).encode(), digest_size=6).hexdigest()
    meaning = schema.tables[SYNC_WINDOWS].get("description") if SYNC_WINDOWS in schema.tables else None
    if meaning is None or read_comments(client, raw, "r").get(SYNC_WINDOWS) == f"{meaning} [{digest}]":
        return
    for statement in statements:
        client.execute_sql(statement)
    client.execute_sql(comment_on("table", raw, SYNC_WINDOWS, text=f"{meaning} [{digest}]"))


def _comments(raw: str, schema: Schema) -> Iterator[str]:
    for name, table in sorted(schema.tables.items()):
        if meaning := table.get("description"):
            yield comment_on("table", raw, name, text=meaning)
        for column, hints in table["columns"].items():
            if meaning := hints.get("description"):
                yield comment_on("column", raw, name, column, text=meaning)


def _indexes(raw: str, schema: Schema) -> Iterator[str]:
    for name, table in sorted(schema.tables.items()):
        columns = table["columns"]
        keys = [["account", "created_at"]] if {"account", "created_at"} <= columns.keys() else []
        keys += [["_dlt_parent_id"]] if "_dlt_parent_id" in columns else []
        for key in keys:
            named = "_".join((name, *key))
            listed = ", ".join(f'"{column}"' for column in key)
            yield f'create index if not exists "{named}" on "{raw}"."{name}" ({listed})'
