"""The faxes that a provider counts this month, beside those that the warehouse holds.

Whether such a count is of faxes or of deliveries, and in whose time zone the month begins, may be documented nowhere. A
difference is a finding only where the warehouse holds fewer than every reading of the count allows.
"""

from collections.abc import Callable, Collection, Iterator

from pipelines.warehouse.stored_faxes import StoredFaxes
from sources.extract.page import MonthCount, Page
from sources.http.client import Client
from sources.records.schema import ChildTable, Record, Table
from sources.window import Window

Fetch = Callable[[Client, Window], Iterator[Page]]


def unread(fetch: Fetch, client: Client, stored: StoredFaxes, table: Table, since: Window) -> list[Record] | None:
    """The faxes that have come since the last run, which the warehouse cannot hold; None if they fill several pages."""
    page = next(iter(fetch(client, since)), Page([]))
    if page.beyond_count or (page.total or 0) > len(page.records):
        return None
    kind = int if table.id_type == "bigint" else str
    records = {record["id"]: record for record in page.records if type(record.get("id")) is kind}
    held = stored.fingerprints_of(table.name, records)
    return [record for id, record in records.items() if id not in held]


def compare(
    count: MonthCount, stored: StoredFaxes, table: Table, unread: Collection[Record]
) -> tuple[str | None, str | None]:
    """A finding, if the warehouse lacks faxes however the count is read; else a note, if no reading agrees with it."""
    child = next((child for child in table.children if child.name == count.deliveries), None)
    newer, newer_deliveries = len(unread), sum(_deliveries(record, child) for record in unread)
    held = [_held(stored, table, child, span) for span in count.spans]
    most = max(deliveries for _, deliveries in held) + newer_deliveries
    since = f"{min(span.start for span in count.spans):%Y-%m-%d}"
    if count.faxes > most:
        return (
            f"the provider counts {count.faxes} faxes this month and the warehouse {held[0][0]}, or {most} at most, if "
            "each recipient counts and the month begins early: run sync.py, then check again; if it stays, "
            f"run sync.py --since {since} --refetch",
            None,
        )
    agrees = any(
        faxes <= count.faxes <= faxes + newer or deliveries <= count.faxes <= deliveries + newer_deliveries
        for faxes, deliveries in held
    )
    if agrees:
        return None, None
    faxes, deliveries = held[0]
    return None, (
        f"the provider counts {count.faxes} faxes this month; the warehouse holds {faxes}, to {deliveries} recipients. "
        "What it counts, and in which time zone, is not documented: if the difference grows from one check to the "
        f"next, run sync.py --since {since} --refetch"
    )


def _held(stored: StoredFaxes, table: Table, child: ChildTable | None, span: Window) -> tuple[int, int]:
    faxes = stored.count(table.name, span)
    return faxes, stored.deliveries(table.name, child.name, span) if child else faxes


def _deliveries(record: Record, child: ChildTable | None) -> int:
    """How many deliveries a fax is; one if it names no recipients."""
    try:
        return max(1, len(child.rows(record.get(child.source)))) if child else 1
    except ValueError:
        return 1
