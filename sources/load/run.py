"""One account's run: what is asked of a source, and what came of it."""

import math
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sources.extract.stop import Stop
from sources.extract.window_result import WindowResult
from sources.http.client import Client
from sources.load.stored import Stored
from sources.records.privacy import KEEP, Privacy
from sources.window import Window, whole_second

MOST_SKEW = timedelta(minutes=5)  # between the provider's clock and ours
PROVEN = ("counted", "walked")  # the proofs of a window that need not be read again
ACCOUNTED_FOR = (*PROVEN, "gap")  # nothing can be done about what the provider does not keep any more


@dataclass
class Run:
    """What one account is asked for, and the tally of what came.

    `started_at` is when the run began; its windows end at the latest by `lag` before that, because a provider may list
    a fax so late. Nothing created before `kept_from` is loaded. `since` and `until` (UTC) ask for a backfill, which
    leaves the cursor alone and fills holes only, unless it is to `refetch`. A `full_refresh` reads and writes
    everything again. A source walks until it has gathered `rows_per_load` rows; loading it again goes on from there,
    until it has reached the end and `finished` is true.
    """

    run_id: str
    account: str
    started_at: datetime
    stored: Stored
    since: datetime | None = None
    until: datetime | None = None
    refetch: bool = False
    full_refresh: bool = False
    privacy: Privacy = KEEP
    kept_from: datetime | None = None
    heartbeat: timedelta = timedelta(hours=1)
    lag: timedelta = timedelta()
    rows_per_load: int = 100_000
    windows_per_load: int = 25
    deadline: float = math.inf
    stop: Stop = field(default_factory=Stop)
    progress: Callable[["Run"], None] = lambda run: None

    client: Client | None = None
    closing: ExitStack = field(default_factory=ExitStack)  # ends whatever asks or waits for the provider
    table: str = ""
    begins_at: datetime | None = None  # where a run without bounds begins to read
    spans: list[Window] = field(default_factory=list)
    reached: datetime | None = None
    finished: bool = False
    loads: int = 0
    windows: list[WindowResult] = field(default_factory=list)
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    deleted: int = 0
    purged: int = 0
    rows: Counter[str] = field(default_factory=Counter)
    new_columns: dict[str, list[str]] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    _clock_mended: bool = False
    _end_settled: bool = False

    def take(self, result: WindowResult) -> None:
        """Notes a window that has been walked and gathered; its faxes are let go."""
        result.drop_faxes()
        self.windows.append(result)
        self.reached = result.window.end
        self.progress(self)

    def count(self, new: int, changed: int, unchanged: int, batch: Mapping[str, Any]) -> None:
        """Adds a window's faxes, and the rows of its tables."""
        self.new += new
        self.changed += changed
        self.unchanged += unchanged
        self.rows.update({name: table.num_rows for name, table in batch.items()})

    def give_up_requests(self) -> None:
        """Ends what still asks or waits for the provider."""
        if self.client:
            self.client.close()

    def tally(self) -> dict[str, Any]:
        """What has been counted so far, to be given to `recount` should the load fail that is begun now."""
        counted = {name: getattr(self, name) for name in ("new", "changed", "unchanged", "deleted", "reached")}
        return counted | {"rows": self.rows.copy(), "windows": self.windows.copy()}

    def recount(self, tally: Mapping[str, Any]) -> None:
        """Counts no more than the tally: what came since then was not loaded."""
        vars(self).update(tally)

    def note_column(self, table: str, column: str) -> bool:
        """Notes a column that nobody declared; true if this run has not seen it before."""
        columns = self.new_columns.setdefault(table, [])
        if column in columns:
            return False
        columns.append(column)
        return True

    @property
    def has_arrived(self) -> bool:
        """Everything that the run was to read has been read."""
        return bool(self.spans) and self.reached is not None and self.reached >= self.spans[-1].end

    @property
    def is_late(self) -> bool:
        """The deadline has passed, or the run was asked to end."""
        return self.stop.requested or time.monotonic() >= self.deadline

    @property
    def span(self) -> Window | None:
        """From the earliest to the latest creation time that the run was to read."""
        return Window(self.spans[0].start, self.spans[-1].end) if self.spans else None

    @property
    def requests(self) -> int:
        """HTTP requests made so far, retries included."""
        return self.client.usage.requests if self.client else 0

    @property
    def retries(self) -> int:
        """How many of them were retries."""
        return self.client.usage.retries if self.client else 0

    @property
    def pace(self) -> float | None:
        """Requests a second that the provider was found to allow; None if it refused none with a 429."""
        return self.client.pace.rate if self.client and self.client.pace.refusals else None

    @property
    def bytes(self) -> int:
        """Bytes of JSON received so far."""
        return self.client.usage.bytes if self.client else 0

    @property
    def end(self) -> datetime:
        """Where the run's windows stop: `until`, but never after its own start less the provider's lag."""
        latest = self.started_at - self.lag
        return min(self.until or latest, latest)

    def settle_end(self) -> None:
        """Has no span end later than the provider's clock showed, less its lag, when it first answered."""
        if self._end_settled:
            return
        self._end_settled = True
        behind = min(self.client.skew if self.client else timedelta(), timedelta())
        if not self._clock_mended:
            end = whole_second(self.started_at + behind - self.lag)
            self.spans = [span.ending_by(end) for span in self.spans]

    def mend_clock(self) -> bool:
        """Takes the provider's clock for ours if they are far apart, once; true if it did."""
        skew = self.client.skew if self.client else timedelta()
        if self._clock_mended or abs(skew) <= MOST_SKEW:
            return False
        self._clock_mended = True
        self.warnings.append(f"the clock here is {abs(skew)} {'behind' if skew > timedelta() else 'ahead'}: set it")
        shift = timedelta(seconds=int(skew.total_seconds()))
        self.started_at += shift
        if self.kept_from:
            kept = Window(self.kept_from, self.started_at)
            self.kept_from = kept.widened(max(-shift, timedelta())).start  # by whichever clock keeps more
        return True

    def cursor(self) -> datetime | None:
        """How far the account has now been read without a break; None if the cursor is to stay where it is."""
        main = self.spans[-1] if self.spans else None
        if not self.moves_cursor or main is None or self.reached is None or self.reached < main.start:
            return None
        return self.reached

    @property
    def moves_cursor(self) -> bool:
        """A run with bounds of its own fills in the past and says nothing about the present."""
        return self.since is None and self.until is None
