"""The result of reading one window of creation time: its faxes, counts and proof."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import compress
from typing import Any, Literal

from sources.http.usage import Usage
from sources.records.record import Placed, Problem
from sources.records.row_buffer import RowBuffer
from sources.records.rows import Rows
from sources.records.schema import Table
from sources.window import Window

Proof = Literal["counted", "walked", "unproven", "gap"]
PROVEN: tuple[Proof, ...] = ("counted", "walked")  # a window with one of these is complete, and is not read again
PROVEN_OR_GAP: tuple[Proof, ...] = (*PROVEN, "gap")  # a gap is not read again either: its faxes are no longer kept
WindowCounts = dict[Window, tuple[int, int | None]]  # window -> records read so far, and the provider's total


@dataclass
class WindowResult:
    """A window, its faxes as id -> fingerprint of the last version read, and the proof.

    `taken_span` is the span whose faxes are taken: the window, or the window and all newer time.

    `total` is the provider's total on the first page, `total_last` on the last page; the query is a little wider than
    the window. `rows_seen` is the number of distinct faxes in the responses, `rows_taken` of those created in the
    window. `unplaced` are the records without a usable id or creation time. `usage` counts the requests.
    """

    window: Window
    taken_span: Window
    faxes: dict[Any, str] = field(default_factory=dict)
    unplaced: dict[str, Problem] = field(default_factory=dict)
    total: int | None = None
    total_last: int | None = None
    rows_seen: int = 0
    rows_taken: int = 0
    last_created_at: datetime | None = None  # of the fax that came last
    occupied: timedelta = timedelta()  # from the earliest fax to the end of the window; without a fax, the whole window
    proof: Proof = "walked"
    usage: Usage = field(default_factory=Usage)
    buffer: RowBuffer = field(default_factory=RowBuffer)
    _created: dict[Any, datetime] = field(default_factory=dict, init=False)

    def add(self, table: Table, account: str, faxes: Iterable[Placed]) -> None:
        """Adds faxes, or other versions of them, in the order in which they were read."""
        for fax in faxes:
            self.faxes[fax.id] = fax.fingerprint
            self._created[fax.id] = fax.created_at
        self.buffer.add(table, account, faxes)

    def end_at(self, end: datetime) -> None:
        """Shortens the window to `end`, so that it proves nothing later. Faxes created later are kept."""
        if self.window.end > end:
            self.window = self.window.ending_by(end)
            self.count()

    def count(self) -> None:
        """Sets `rows_taken` and `occupied` from the faxes created in the window."""
        created = [*compress(self._created.values(), self.window.contains_each(self._created.values()))]
        self.rows_taken, self.occupied = len(created), self.window.end - min(created, default=self.window.start)

    def rows(self, table: Table, account: str, fingerprints: AbstractSet[str]) -> Rows:
        """The rows of the faxes with these fingerprints, a subset of those in `faxes`."""
        return self.buffer.rows(table, account, fingerprints)

    def drop_faxes(self) -> None:
        """Drops the faxes from memory. What the ledger needs is kept."""
        self.faxes, self.unplaced, self._created, self.buffer = {}, {}, {}, RowBuffer()
