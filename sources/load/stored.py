"""What a source wants to know of the warehouse."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from sources.records.schema import Table
from sources.window import Window

SYSTEM_COLUMNS = frozenset(  # that every table of PostgreSQL has; DuckDB has rowid
    ("cmax", "cmin", "ctid", "oid", "rowid", "tableoid", "xmax", "xmin")
)


class OpenFax(NamedTuple):
    """A stored fax that is not final; its fingerprint is its `_dlt_id`."""

    id: Any
    fingerprint: str
    created_at: datetime


class Stored(Protocol):
    """What the warehouse already holds of one account, from committed loads where nothing else is said."""

    @property
    def reserved_columns(self) -> Collection[str]:
        """The names that a column of a table cannot have, in lower case."""

    def fingerprints(self, table: Table, span: Window) -> Mapping[Any, str]:
        """The `_dlt_id` of each fax created in the span, by id; empty for one whose load was cut off."""

    def fingerprints_of(self, table: str, ids: Collection[Any]) -> Mapping[Any, str]:
        """The same of the faxes with these ids, whenever they were created."""

    def child_counts(self, table: str, child: str, ids: Collection[Any]) -> Mapping[str, int]:
        """The rows that a table split off from `table` has for the faxes with these ids, by fingerprint, if any."""

    def problem_ids(self) -> Collection[str]:
        """The `_dlt_id` of every row of `sync_problems`."""

    def holes(self, span: Window, proofs: Collection[str] | None) -> list[Window]:
        """The parts of a span that no window of the ledger covers; of these proofs only, if any are given."""

    def open_faxes(self, table: Table, span: Window) -> list[OpenFax]:
        """The faxes created in the span that are not final."""

    def rows(self, table: str, column: str, values: Collection[Any]) -> list[dict[str, Any]]:
        """The rows of a table in which the column has one of the values, those of a load that was cut off as well."""
