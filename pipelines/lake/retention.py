"""Retention in Delta tables: deletes expired faxes, the files that still hold them, and redundant ledger rows.

Once a day it also joins the small files that each run adds.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from pipelines.lake import tables
from pipelines.lake.loading import ProviderTables
from pipelines.lake.stored import LakeStored, last_walk
from pipelines.warehouse.ledger_compaction import is_due, redundant_now
from sources.load.ledger import SCHEMA_CHANGES, SYNC_PROBLEMS, SYNC_RUNS
from sources.load.run import Run


def delete_expired(held: ProviderTables, account: str, before: datetime) -> int:
    """Deletes the account's faxes created before `before` (UTC), with child rows and problems; returns their number.

    Faxes are deleted last, so that the next run can complete a deletion that was killed. Problems of records without a
    fax are deleted if they were seen before then. Without old rows, nothing is written.
    """
    stored = LakeStored(held.root, account)
    ids = stored.created_before(held.table, before)
    problems = stored.problems(before, {str(id) for id in ids})
    keys: dict[str, tuple[str, list[Any]]] = {child.name: (child.parent_id, ids) for child in held.table.children}
    keys |= {SYNC_PROBLEMS: ("_dlt_id", problems), held.table.name: ("id", ids)}
    for name, (key, values) in keys.items():
        if values and (table := tables.existing(held.root, held.relations[name])):
            tables.delete(table, pa.table({"account": [account] * len(values), key: values}))
    return len(ids)


def delete_files(held: ProviderTables, is_alone: bool) -> None:
    """Deletes the files of earlier versions of each table whose newest version deletes rows.

    If `is_alone`, it also deletes files that no version references, as a killed run leaves them. Otherwise they may
    belong to the next commit of another run.
    """
    for name in (*(child.name for child in held.table.children), SYNC_PROBLEMS, held.table.name):
        if table := tables.existing(held.root, held.relations[name]):
            tables.vacuum(table, is_alone)


def compact_ledger(held: ProviderTables, runs: Iterable[Run]) -> None:
    """Deletes what is redundant of the ledger, in one commit; of each account after its first load of a day (UTC)."""
    ledgers = {
        run.source.account: (LakeStored(held.root, run.source.account, held.table.ledger), run)
        for run in runs
        if run.loads
    }
    redundant = {name: redundant_now(ledger) for name, (ledger, run) in ledgers.items() if is_due(ledger, run)}
    keys = [(account, key) for account, of_account in redundant.items() for key in of_account]
    if keys and (table := tables.existing(held.root, held.relations[held.table.ledger])):
        accounts, ids = zip(*keys, strict=True)
        tables.delete(table, pa.table({"account": accounts, "_dlt_id": ids}))


def compact_files(held: ProviderTables, run_id: str, is_alone: bool) -> None:
    """Compacts the tables of a list, if no run before this one has written to its ledger today (UTC)."""
    latest = last_walk(f"{held.root}/{held.table.ledger}", run_id)
    if latest is None or latest.astimezone(UTC).date() >= datetime.now(UTC).date():
        return
    shared = () if held.listing else (SYNC_PROBLEMS, SCHEMA_CHANGES, SYNC_RUNS)
    names = (held.table.name, *(child.name for child in held.table.children), held.table.ledger, *shared)
    for relation in (*(held.relations[name] for name in names), tables.state_of(held.table)):
        if table := tables.existing(held.root, relation):
            tables.compact(table, is_alone)
