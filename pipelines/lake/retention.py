"""Deletes from Delta tables what is older than it is to be kept, and then the files that still hold it."""

from datetime import datetime
from typing import Any

import pyarrow as pa

from pipelines.lake import tables
from pipelines.lake.loading import ProviderTables
from pipelines.lake.stored import LakeStored
from sources.load.ledger import SYNC_PROBLEMS


def delete_expired(held: ProviderTables, account: str, before: datetime) -> int:
    """Deletes an account's faxes created before then, and all that belongs to them; gives how many faxes.

    Faxes go last, so that the next run finds what a killed one has left. Records without a place go by when they were
    seen. Nothing is written if nothing is so old.
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
    """Deletes the files of earlier versions of each table from which rows were deleted last, in this run or one before.

    Files that no version names, which a killed run has left, are deleted as well if this run `is_alone`: else they may
    be those of another run, which is about to name them.
    """
    for name in (*(child.name for child in held.table.children), SYNC_PROBLEMS, held.table.name):
        if table := tables.existing(held.root, held.relations[name]):
            tables.vacuum(table, is_alone)
