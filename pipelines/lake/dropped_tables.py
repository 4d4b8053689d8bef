"""Detects Delta tables of faxes that were removed, and makes the next runs load all faxes again."""

from collections.abc import Collection

from pipelines.lake import tables
from pipelines.lake.loading import ProviderTables
from sources.errors import WarehouseError


def require_tables(held: ProviderTables, there: Collection[str], full_refresh: bool) -> None:
    """Requires the table of faxes and the child tables of a list that has been loaded. `there` are the existing tables.

    The first load of a list creates them all, also without rows. Each load creates the other tables again.
    With `full_refresh`, all faxes of all accounts count as changed, so that also the run after a killed one loads them.

    Raises:
        WarehouseError: a table was removed, and `full_refresh` is not set.
    """
    faxes, ledger = held.table.name, held.table.ledger
    children = {child.name for child in held.table.children}
    gone = sorted({faxes, *children} - {*there})
    if not gone:
        return
    if not full_refresh:
        raise WarehouseError(
            f"table {gone[0]} is gone from {held.schema}_{held.provider}: run sync.py --full-refresh to fill it"
        )
    emptied = {ledger} if faxes in there else {ledger, *children}
    for name in emptied & {*there}:
        tables.empty(tables.create(held.root, held.relations[name]))
    if faxes in there:
        tables.forget(tables.create(held.root, held.relations[faxes]))
