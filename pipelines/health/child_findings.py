"""Faxes whose child rows, such as recipients or tags, are missing. No fingerprint covers these, so no sync notices."""

from collections.abc import Iterator
from datetime import datetime

from pipelines.health.account_findings import days_of
from pipelines.warehouse.stored_faxes import StoredFaxes
from sources.records.schema import Table


def child_findings(stored: StoredFaxes, table: Table, start: datetime) -> Iterator[str]:
    """One sentence for each child table that lacks rows of faxes created from `start` on, with the remedy."""
    for child in table.children:
        if lacking := stored.lacking_children(table, child, start):
            count, span = lacking
            yield (
                f"{count} faxes created from {span.start.date()} on lack rows of {child.name}: rows are gone from the "
                "warehouse, or the provider lists none (--full-refresh notes that); "
                f"run sync.py {days_of(span)} --refetch"
            )
