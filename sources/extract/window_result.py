"""What came of reading one window of creation time."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from sources.http.usage import Usage
from sources.records.record import Placed, Problem
from sources.records.row_buffer import RowBuffer
from sources.records.rows import Rows
from sources.records.schema import Table
from sources.window import Window

Proof = Literal["counted", "walked", "unproven", "gap"]
WindowCounts = dict[Window, tuple[int, int | None]]  # being read: the records so far, and the provider's count of them
_WEAKEST_FIRST: tuple[Proof, ...] = ("unproven", "gap", "walked", "counted")


@dataclass
class WindowResult:
    """A window and what came of it: the fingerprint of the last reading of each fax by its id, and the proof.

    `taken` is what faxes were taken from: the window itself, or all that is newer as well.

    `total` is the provider's count of the query by its first page, `total_last` by its last one; the query reaches a
    little further than the window. `rows_seen` are the distinct faxes it answered with, and `rows_taken` those created
    in the window. `unplaced` are the records without a usable id or creation time. `usage` counts the requests.
    """

    window: Window
    taken: Window
    faxes: dict[Any, str] = field(default_factory=dict)
    unplaced: dict[str, Problem] = field(default_factory=dict)
    total: int | None = None
    total_last: int | None = None
    rows_seen: int = 0
    rows_taken: int = 0
    last: datetime | None = None  # creation time of the fax that came last
    occupied: timedelta = timedelta()  # the part of the window from its earliest fax on; all of it, if there is none
    proof: Proof = "walked"
    usage: Usage = field(default_factory=Usage)
    buffer: RowBuffer = field(default_factory=RowBuffer)
    _created: dict[Any, datetime] = field(default_factory=dict, init=False)

    def add(self, table: Table, account: str, fax: Placed) -> None:
        """Adds a fax, or another reading of it."""
        self.faxes[fax.id] = fax.fingerprint
        self._created[fax.id] = fax.created_at
        self.buffer.add(table, account, fax)

    def end_by(self, end: datetime) -> None:
        """Claims nothing of what was created from `end` on, though its faxes are kept."""
        if self.window.end > end:
            self.window = self.window.ending_by(end)
            self.count()

    def count(self) -> None:
        """Counts what was taken from the window itself, once all has come."""
        created = [at for at in self._created.values() if at in self.window]
        self.rows_taken, self.occupied = len(created), self.window.end - min(created, default=self.window.start)

    def rows(self, table: Table, account: str, fingerprints: AbstractSet[str]) -> Rows:
        """The rows of the faxes with these fingerprints, which are among those of `faxes`."""
        return self.buffer.rows(table, account, fingerprints)

    def drop_faxes(self) -> None:
        """Keeps no more than what the ledger tells of the window."""
        self.faxes, self.unplaced, self._created, self.buffer = {}, {}, {}, RowBuffer()


def joined(window: Window, results: Iterable[WindowResult]) -> WindowResult:
    """The results of the pieces of a window as one: counts are summed, and the proof is the weakest of theirs."""
    whole, pieces = WindowResult(window, window), [*results]
    for piece in pieces:
        whole.faxes |= piece.faxes
        whole.unplaced |= piece.unplaced
        whole.rows_seen += piece.rows_seen
        whole.rows_taken += piece.rows_taken
        whole.usage.add(piece.usage)
        whole.buffer.absorb(piece.buffer)
    totals = [piece.total for piece in pieces]
    whole.total = whole.total_last = None if None in totals else sum(total or 0 for total in totals)
    whole.proof = next(proof for proof in _WEAKEST_FIRST if proof in {piece.proof for piece in pieces} | {"counted"})
    return whole
