"""Faxes that are there, but whose recipients, tags or the like are not: no fingerprint tells, so no sync notices."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from pipelines.warehouse.stored_faxes import StoredFaxes
from sources.records.schema import Table


def child_findings(stored: StoredFaxes, table: Table, start: datetime) -> Iterator[str]:
    """One sentence for each table split off from the faxes' which lacks rows of those created from `start` on."""
    for child in table.children:
        if lacking := stored.lacking_children(table, child, start):
            count, span = lacking
            since, until = span.start.date(), span.end.date() + timedelta(days=1)
            yield (
                f"{count} of the faxes created from {since} on lack rows of {child.name}: rows are gone from the "
                f"warehouse; run sync.py --since {since} --until {until} --refetch"
            )
