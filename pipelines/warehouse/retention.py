"""Retention: deletes faxes older than `[privacy] keep_days`. The ledger stays, because it holds only counts."""

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any

from pipelines.warehouse.load import Warehouse
from sources.errors import WarehouseError
from sources.load.ledger import SYNC_PROBLEMS
from sources.records.schema import Table

NEEDS_DELETION = "setting privacy.keep_days needs a database or Delta tables: Parquet files only grow"
NO_CLOCK = "no fax older than [privacy] keep_days was deleted: the provider's answers have no Date"


def delete_expired(warehouse: Warehouse, table: Table, before: datetime) -> int:
    """Deletes the account's faxes created before `before` (UTC), with child rows and problems; returns their number.

    Problems of records without a fax are deleted if they were seen before then. Without old rows, nothing is written.

    Raises:
        WarehouseError: the database kept some of the faxes, as row security does.
    """
    client, raw, account = warehouse.client, warehouse.raw, warehouse.account
    existing = _tables(client, raw)
    if table.name not in existing:
        return 0
    faxes = _count(client, f'"{raw}"."{table.name}" where {_is_old(table)}', account, before)
    seen = f'"{raw}"."{SYNC_PROBLEMS}" where account = %s and seen_at < %s'
    if not faxes and not (SYNC_PROBLEMS in existing and _count(client, seen, account, before)):
        return 0
    with warehouse.lock.turn(raw):
        with client.begin_transaction():
            for statement, parameters in _deletions(raw, table, existing, account, before):
                client.execute_sql(statement, *parameters)
            if left := _count(client, f'"{raw}"."{table.name}" where {_is_old(table)}', account, before):
                raise WarehouseError(
                    f"{left} faxes of {raw}.{table.name} that are too old to be kept were not deleted: a policy of row "
                    "security, a rule or a trigger keeps them"
                )
        if warehouse.session.kind == "duckdb":
            client.execute_sql("checkpoint")  # otherwise the rows would stay in the write-ahead log
    return faxes


def _deletions(
    raw: str, table: Table, existing: Collection[str], account: str, before: datetime
) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """The DELETE statements with parameters. Those that select by the faxes come before that of the faxes."""
    old = f'from "{raw}"."{table.name}" where {_is_old(table)}'
    for child in table.children:
        if child.name in existing:
            of_old = f"{child.parent_id} in (select id {old})"
            yield f'delete from "{raw}"."{child.name}" where account = %s and {of_old}', (account, account, before)
    if SYNC_PROBLEMS in existing:
        of_faxes = f"record_id in (select cast(id as text) {old})"
        named = f'delete from "{raw}"."{SYNC_PROBLEMS}" where account = %s and (seen_at < %s or {of_faxes})'
        yield named, (account, before, account, before)
    yield f"delete {old}", (account, before)


def _is_old(table: Table) -> str:
    return f"account = %s and {table.created_at} < %s"


def _count(client: Any, rows: str, account: str, before: datetime) -> int:
    return int(client.execute_sql(f"select count(*) from {rows}", account, before)[0][0])


def _tables(client: Any, schema: str) -> set[str]:
    sql = "select table_name from information_schema.tables where table_schema = %s"
    return {table for (table,) in client.execute_sql(sql, schema) or ()}
