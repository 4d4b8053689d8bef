"""One account's run: what is asked of a source, and what came of it."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from sources.client import Client
from sources.walk import Walked
from sources.window import Window


class Stored(Protocol):
    """What the warehouse already holds of one account; every answer counts committed loads only."""

    def fingerprints(self, table: str, span: Window) -> Mapping[Any, str]:
        """The `_dlt_id` of each fax created in the span, by id."""

    def problem_ids(self) -> Collection[str]:
        """The `_dlt_id` of every row of `sync_problems`."""

    def rows(self, table: str, column: str, values: Collection[Any]) -> list[dict[str, Any]]:
        """The rows of a table in which the column has one of the values."""


@dataclass
class Run:
    """What one account is asked for, and the tally of what came.

    `started_at` is the frozen end of the run. `since` and `until` (UTC) ask for a backfill, which leaves the cursor
    alone. A source walks until it has gathered `rows_per_load` faxes or has reached the end, and then `finished` is
    true; loading it again goes on from there.
    """

    run_id: str
    account: str
    started_at: datetime
    stored: Stored
    since: datetime | None = None
    until: datetime | None = None
    heartbeat: timedelta = timedelta(hours=1)
    rows_per_load: int = 50_000
    progress: Callable[["Run"], None] = lambda run: None

    client: Client | None = None
    table: str = ""
    span: Window | None = None
    reached: datetime | None = None
    finished: bool = False
    walks: list[Walked] = field(default_factory=list)
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    deleted: int = 0
    rows: Counter[str] = field(default_factory=Counter)
    new_columns: dict[str, dict[str, str]] = field(default_factory=dict)

    _requests_told: int = 0
    _retries_told: int = 0

    def take(self, walked: Walked) -> None:
        """Notes a window that has been walked."""
        self.walks.append(walked)
        self.reached = walked.window.end
        self.progress(self)

    def count(
        self, new: int, changed: int, unchanged: int, batch: Mapping[str, Any], columns: Mapping[str, Mapping[str, str]]
    ) -> None:
        """Adds a window's faxes, the rows of its tables, and the columns that nobody had declared."""
        self.new += new
        self.changed += changed
        self.unchanged += unchanged
        self.rows.update({name: table.num_rows for name, table in batch.items()})
        for table, added in columns.items():
            self.new_columns.setdefault(table, {}).update(added)

    def spent(self) -> dict[str, int]:
        """The requests and retries made since this was last asked."""
        spent = {"requests": self.requests - self._requests_told, "retries": self.retries - self._retries_told}
        self._requests_told, self._retries_told = self.requests, self.retries
        return spent

    @property
    def requests(self) -> int:
        """HTTP requests made so far, retries included."""
        return self.client.requests if self.client else 0

    @property
    def retries(self) -> int:
        """How many of them were retries."""
        return self.client.retries if self.client else 0

    @property
    def end(self) -> datetime:
        """Where the run stops: `until`, but never after its own start."""
        return min(self.until or self.started_at, self.started_at)

    @property
    def moves_cursor(self) -> bool:
        """A run with bounds of its own fills in the past and says nothing about the present."""
        return self.since is None and self.until is None
