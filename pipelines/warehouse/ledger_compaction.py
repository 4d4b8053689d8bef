"""Compaction: deletes redundant rows of the ledger and of dlt's tables. It changes no row.

The remaining ledger rows prove everything that the deleted ones proved. A row of `_dlt_loads` is kept while any row
refers to it, because rows count as committed only if their load is listed there.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from pipelines.warehouse.dlt_internals import dlt_tables
from pipelines.warehouse.load import Warehouse
from sources.extract.source import Source
from sources.extract.window_result import PROVEN
from sources.load.run import Run
from sources.load.stored import LedgerRow

KEPT = timedelta(days=7)  # younger rows are kept for diagnosis
_IDS_A_STATEMENT = 1000


class Ledger(Protocol):
    """The ledger of an account, in any kind of warehouse."""

    def last_walk(self, other_than: str) -> datetime | None:
        """The last `finished_at` of another run in the ledger; None if there is none."""

    def proofs(self, kinds: Collection[str]) -> list[LedgerRow]:
        """The ledger rows with one of these proofs."""


def compact(opened: Warehouse, run: Run) -> None:
    """Deletes what is redundant of this account, all of it or nothing, after the first load of a day (UTC).

    The run must have loaded.
    """
    stored = opened.stored(run.source.table)
    if opened.appends or not is_due(stored, run):
        return
    redundant_ids = redundant_now(stored)
    with opened.lock.turn(opened.raw), opened.client.begin_transaction():
        for statement, parameters in _deletions(opened, run.source, redundant_ids, _settled()):
            opened.client.execute_sql(statement, *parameters)


def is_due(ledger: Ledger, run: Run) -> bool:
    """An earlier run has written to the ledger, and none has today; nothing else is remembered."""
    latest = ledger.last_walk(other_than=run.request.run_id)
    return latest is not None and latest.astimezone(UTC).date() < datetime.now(UTC).date()


def redundant_now(ledger: Ledger) -> list[str]:
    """The keys of the ledger rows that are redundant now."""
    return redundant(ledger.proofs(PROVEN), _settled())


def redundant(rows: Collection[LedgerRow], settled: datetime) -> list[str]:
    """The ids of the redundant rows finished before `settled`: without them, the same time has the same proofs.

    For each proof, the last row of each day (UTC) is kept, and the fewest rows that cover everything covered before.
    """
    kept: set[str] = set()
    for kind in {row.kind for row in rows}:
        of_kind = [row for row in rows if row.kind == kind]
        last_of_day = {row.at.astimezone(UTC).date(): row.id for row in sorted(of_kind, key=lambda row: row.at)}
        kept.update(last_of_day.values(), (row.id for row in _cover(of_kind)))
    return [row.id for row in rows if row.at < settled and row.id not in kept]


def _cover(rows: Iterable[LedgerRow]) -> Iterator[LedgerRow]:
    """The fewest windows that cover all of them: repeatedly the one that starts in reach and ends last."""
    reach: datetime | None = None
    best: LedgerRow | None = None
    for row in sorted(rows, key=lambda row: row.window):
        if best and reach and row.window.start > reach:
            yield best
            reach, best = best.window.end, None
        if reach is None or row.window.start > reach:
            reach = row.window.start
        if row.window.end > (best.window.end if best else reach):
            best = row
    if best:
        yield best


def _settled() -> datetime:
    """The instant before which rows may be deleted."""
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - KEPT


def _deletions(
    opened: Warehouse, source: Source, redundant_ids: Sequence[str], settled: datetime
) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """The statements, with their parameters: ledger, states of the pipeline, then loads that no row names any more."""
    client, raw, pipeline = opened.client, opened.raw, opened.session.pipeline_name(opened.account)
    ledger = f'"{raw}"."{source.table.ledger}"'
    for first in range(0, len(redundant_ids), _IDS_A_STATEMENT):
        ids = redundant_ids[first : first + _IDS_A_STATEMENT]
        places = ", ".join(["%s"] * len(ids))
        yield f"delete from {ledger} where account = %s and _dlt_id in ({places})", (source.account, *ids)
    yield from dlt_tables.deletions(raw, pipeline, settled, _tables_with_loads(client, raw))


def _tables_with_loads(client: Any, raw: str) -> list[str]:
    """The tables of a raw schema with a column `_dlt_load_id`, also those of users."""
    sql = """
        select columns.table_name from information_schema.columns as columns
        inner join information_schema.tables as tables
            on tables.table_schema = columns.table_schema and tables.table_name = columns.table_name
        where columns.table_schema = %s and columns.column_name = '_dlt_load_id' and tables.table_type = 'BASE TABLE'
        group by 1 order by 1
    """
    return [table for (table,) in client.execute_sql(sql, raw) or ()]
