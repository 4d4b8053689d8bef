"""What a run asks the warehouse: stored fingerprints, child rows, holes of the ledger, open faxes."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from sources.records.schema import ChildTable, Table
from sources.window import Window


class OpenFax(NamedTuple):
    """A stored fax that is not final. Its fingerprint is its `_dlt_id`; `created_at` is in UTC."""

    id: Any
    fingerprint: str
    created_at: datetime


class LedgerRow(NamedTuple):
    """A row of the ledger: its key, its window, the `kind` of its proof, and its `finished_at` (UTC)."""

    id: str
    window: Window
    kind: str
    at: datetime


def ledger_row(row: Mapping[str, Any]) -> LedgerRow:
    """The row of the ledger with these columns."""
    return LedgerRow(row["_dlt_id"], Window(row["from_at"], row["to_at"]), row["proof"], row["finished_at"])


class Stored(Protocol):
    """What the warehouse holds of one account. Unless stated otherwise, only rows of committed loads count."""

    def fingerprints(self, table: Table, span: Window) -> Mapping[Any, str]:
        """Id -> fingerprint of each fax created in the span; an empty fingerprint if its load was not committed."""

    def fingerprints_of(self, table: str, ids: Collection[Any]) -> Mapping[Any, str]:
        """Id -> fingerprint of the stored faxes with these ids, whatever their creation time."""

    def child_counts(self, child: ChildTable, ids: Collection[Any]) -> Mapping[str, int]:
        """Fingerprint -> number of rows in the child table, for the versions of these faxes that have any."""

    def problem_ids(self) -> Collection[str]:
        """The `_dlt_id` of every row of `sync_problems`."""

    def holes(self, span: Window, proofs: Collection[str] | None, walked_by: datetime) -> list[Window]:
        """The parts of a span that no window with one of these proofs covers; None: any proof.

        Windows of the ledger count if they had been walked, and end, by then (UTC).
        """

    def open_faxes(self, table: Table, span: Window) -> list[OpenFax]:
        """The open faxes created in the span."""

    def rows(self, table: str, column: str, values: Collection[Any]) -> list[dict[str, Any]]:
        """The rows of a table whose column has one of the values, also rows of loads that were not committed."""
