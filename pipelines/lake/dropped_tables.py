"""Detects Delta tables of faxes that were removed, and makes the next runs load all faxes again."""

from collections.abc import Collection

from pipelines.lake import tables
from pipelines.lake.loading import ProviderTables
from sources.errors import WarehouseError
from sources.records.schema import Table


def require_all(raw: str, table: Table, there: Collection[str]) -> None:
    """Requires the table of faxes and the child tables of a list that has been loaded; `there` are the existing tables.

    The first load of a list creates them all, also without rows. Each load creates the other tables again.

    Raises:
        WarehouseError: one of them is missing: somebody has removed it, or a new version of the sync has added it.
    """
    if gone := sorted(_of_faxes(table) - {*there}):
        raise WarehouseError(
            f"{raw} has no table {gone[0]}: it was removed, or this version brings it: run sync.py --full-refresh to "
            "fill it"
        )


def require_tables(held: ProviderTables, there: Collection[str], full_refresh: bool) -> None:
    """Like `require_all`. With `full_refresh`, all faxes of all accounts count as changed where a table was removed.

    So also the run after a killed one loads them.
    """
    faxes, ledger = held.table.name, held.table.ledger
    if not full_refresh:
        require_all(f"{held.schema}_{held.provider}", held.table, there)
    if not _of_faxes(held.table) - {*there}:
        return
    emptied = {ledger} if faxes in there else {ledger, *_of_faxes(held.table)}
    for name in emptied & {*there}:
        tables.empty(tables.create(held.root, held.relations[name]))
    if faxes in there:
        tables.forget(tables.create(held.root, held.relations[faxes]))


def _of_faxes(table: Table) -> set[str]:
    return {table.name, *(child.name for child in table.children)}
