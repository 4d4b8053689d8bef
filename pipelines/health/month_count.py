"""Compares the provider's count of this month's faxes with the warehouse.

A provider may not document whether it counts faxes or deliveries, nor in which time zone the month begins. A difference
is a finding only if the warehouse holds fewer faxes than every reading of the count allows.
"""

from collections.abc import Callable, Collection, Iterator

from pipelines.warehouse.stored_faxes import StoredFaxes
from sources.extract.page import MonthCount, Page
from sources.http.client import Client
from sources.records.schema import ChildTable, Record, Table
from sources.window import Window

Fetch = Callable[[Client, Window], Iterator[Page]]


def not_yet_loaded(
    fetch: Fetch, client: Client, stored: StoredFaxes, table: Table, since: Window
) -> list[Record] | None:
    """The records created in `since` that the warehouse does not hold; None if they fill several pages."""
    page = next(iter(fetch(client, since)), Page([]))
    if page.beyond_count or (page.total or 0) > len(page.records):
        return None
    kind = int if table.id_type == "bigint" else str
    records = {record["id"]: record for record in page.records if type(record.get("id")) is kind}
    loaded = stored.fingerprints_of(table.name, records)
    return [record for id, record in records.items() if id not in loaded]


def compare(
    count: MonthCount, stored: StoredFaxes, table: Table, newer: Collection[Record]
) -> tuple[str | None, str | None]:
    """A finding if the warehouse lacks faxes by every reading of the count, else a note if no reading agrees.

    `newer` are the records that no run can have loaded yet.
    """
    child = next((child for child in table.children if child.name == count.deliveries), None)
    newer_deliveries = sum(_deliveries(record, child) for record in newer)
    counts = stored.counts(table, count.spans)
    deliveries_in = stored.deliveries(table, child, count.spans) if child else counts
    loaded = list(zip(counts, deliveries_in, strict=True))
    most = max(deliveries for _, deliveries in loaded) + newer_deliveries
    since = f"{min(span.start for span in count.spans):%Y-%m-%d}"
    if count.faxes > most:
        return (
            f"the provider counts {count.faxes} faxes this month, but the warehouse holds {loaded[0][0]} ({most} if "
            "each recipient counts and the month begins early): run sync.py and check again; if it stays, "
            f"run sync.py --since {since} --refetch",
            None,
        )
    agrees = any(
        faxes <= count.faxes <= faxes + len(newer) or deliveries <= count.faxes <= deliveries + newer_deliveries
        for faxes, deliveries in loaded
    )
    if agrees:
        return None, None
    faxes, deliveries = loaded[0]
    return None, (
        f"the provider counts {count.faxes} faxes this month; the warehouse holds {faxes}, to {deliveries} recipients. "
        "The provider does not document what it counts, nor in which time zone: if the difference grows from one check "
        f"to the next, run sync.py --since {since} --refetch"
    )


def _deliveries(record: Record, child: ChildTable | None) -> int:
    """The number of deliveries of a fax; 1 if it names no recipients."""
    try:
        return max(1, len(child.rows(record.get(child.source)))) if child else 1
    except ValueError:
        return 1
