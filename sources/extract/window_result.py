"""What came of reading one window of creation time."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from sources.http.usage import Usage
from sources.records.record import Placed, Problem
from sources.records.rows import Rows, joined
from sources.records.schema import Table
from sources.records.tables import to_rows
from sources.window import Window

Proof = Literal["counted", "walked", "unproven", "gap"]
MOST_UNCONVERTED = 3_000  # records of a window that wait to be made rows of: of a few, none may be new


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
    _created: dict[Any, datetime] = field(default_factory=dict, init=False)
    _waiting: dict[str, Placed] = field(default_factory=dict, init=False)
    _parts: list[Rows] = field(default_factory=list, init=False)
    _fingerprints: set[str] = field(default_factory=set, init=False)

    def take(self, table: Table, account: str, fax: Placed) -> None:
        """Adds a fax, or another reading of it."""
        self.faxes[fax.id] = fax.fingerprint
        self._created[fax.id] = fax.created_at
        if fax.fingerprint in self._fingerprints:
            return
        self._fingerprints.add(fax.fingerprint)
        self._waiting[fax.fingerprint] = fax
        if len(self._waiting) >= MOST_UNCONVERTED:
            self._parts.append(to_rows(table, account, [*self._waiting.values()]))
            self._waiting.clear()

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
        waiting = [fax for fingerprint, fax in self._waiting.items() if fingerprint in fingerprints]
        parts = [*self._parts, to_rows(table, account, waiting)] if waiting or not self._parts else self._parts
        return joined(parts).only(fingerprints)

    def drop_faxes(self) -> None:
        """Keeps no more than what the ledger tells of the window."""
        self.faxes, self.unplaced, self._created, self._waiting, self._parts, self._fingerprints = (
            {},
            {},
            {},
            {},
            [],
            set(),
        )
