"""The request of a run: its bounds, its options, and the limits of its loads."""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from sources.records.new_fields import Contract


@dataclass(frozen=True)
class Horizon:
    """How far a run reads.

    `start`: the earliest creation time (UTC). `lookback`: how long after its creation a fax is read again by each run.
    `reread_age`: up to which age an open fax is re-read by its id, at most `max_rereads` in one run. `contract`: what
    happens to new fields. `lag`: how late after its creation a fax may appear in the provider's list.
    """

    start: datetime
    lookback: timedelta
    reread_age: timedelta
    max_rereads: int
    contract: Contract = "evolve"
    lag: timedelta = timedelta()


@dataclass(frozen=True)
class RunRequest:
    """What a run is asked to do.

    `since` and `until` (UTC) request a backfill: it does not move the cursor, and reads only the holes of the ledger;
    with `refetch`, the whole span. `full_refresh` reads and writes everything again. A load ends after `rows_per_load`
    rows or `windows_per_load` windows. A quiet run writes once per `heartbeat`. After the `deadline`, in seconds of the
    monotonic clock, the run stops at the end of its current window. If a run has several tasks, the next one
    `resumes_at` the creation time (UTC) up to which the earlier ones have read.
    """

    run_id: str
    horizon: Horizon
    since: datetime | None = None
    until: datetime | None = None
    refetch: bool = False
    full_refresh: bool = False
    heartbeat: timedelta = timedelta(hours=1)
    rows_per_load: int = 100_000
    windows_per_load: int = 50  # twelve years of 90-day windows: usually one load
    deadline: float = math.inf
    resumes_at: datetime | None = None

    @property
    def moves_cursor(self) -> bool:
        """The run has no bounds. A backfill reads the past and does not move the cursor."""
        return self.since is None and self.until is None
