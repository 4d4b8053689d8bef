"""Deletes what is older than it is to be kept. The ledger stays: it holds counts and no fax."""

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any

from pipelines.warehouse.load import Warehouse
from sources.errors import WarehouseError
from sources.load.ledger import SYNC_PROBLEMS
from sources.records.schema import Table

NO_CLOCK = "no fax older than [privacy] keep_days was deleted: the provider's answers have no Date"


def delete_expired(opened: Warehouse, table: Table, account: str, before: datetime) -> int:
    """Deletes an account's faxes created before then, and all that belongs to them; gives how many faxes.

    Records without a place go by when they were seen. Nothing is written if nothing is so old.
    """
    client, raw = opened.client, opened.raw
    there = _tables(client, raw, client.staging_dataset_name)
    if (raw, table.name) not in there:
        return 0
    faxes = _count(client, f'"{raw}"."{table.name}" where {_is_old(table)}', account, before)
    seen = f'"{raw}"."{SYNC_PROBLEMS}" where account = %s and seen_at < %s'
    if not faxes and not ((raw, SYNC_PROBLEMS) in there and _count(client, seen, account, before)):
        return 0
    with opened.lock.turn(raw):
        with client.begin_transaction():
            for statement, parameters in _deletions(raw, table, there, account, before):
                client.execute_sql(statement, *parameters)
            for name in (table.name, *(child.name for child in table.children), SYNC_PROBLEMS):
                if (client.staging_dataset_name, name) in there:  # a load that was cut off left rows
                    client.execute_sql(f'truncate "{client.staging_dataset_name}"."{name}"')
            if left := _count(client, f'"{raw}"."{table.name}" where {_is_old(table)}', account, before):
                raise WarehouseError(
                    f"{left} faxes of {raw}.{table.name} that are too old to be kept were not deleted: a policy of row "
                    "security, a rule or a trigger keeps them"
                )
        if opened.session.kind == "duckdb":
            client.execute_sql("checkpoint")  # or the rows would stay in the file beside it
    return faxes


def _deletions(
    raw: str, table: Table, there: Collection[tuple[str, str]], account: str, before: datetime
) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """The statements, those that look for the faxes first, and their parameters."""
    old = f'from "{raw}"."{table.name}" where {_is_old(table)}'
    for child in table.children:
        if (raw, child.name) in there:
            named = f'delete from "{raw}"."{child.name}" where _dlt_parent_id in (select _dlt_id {old})'
            yield named, (account, before)
    if (raw, SYNC_PROBLEMS) in there:
        of_faxes = f"record_id in (select cast(id as text) {old})"
        named = f'delete from "{raw}"."{SYNC_PROBLEMS}" where account = %s and (seen_at < %s or {of_faxes})'
        yield named, (account, before, account, before)
    yield f"delete {old}", (account, before)


def _is_old(table: Table) -> str:
    return f"account = %s and {table.created_at} < %s"


def _count(client: Any, rows: str, account: str, before: datetime) -> int:
    return int(client.execute_sql(f"select count(*) from {rows}", account, before)[0][0])


def _tables(client: Any, *schemas: str) -> set[tuple[str, str]]:
    sql = "select table_schema, table_name from information_schema.tables where table_schema in (%s, %s)"
    return {(schema, table) for schema, table in client.execute_sql(sql, *schemas) or ()}
