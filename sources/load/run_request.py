"""What one account's run is asked to do."""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from sources.records.new_fields import Contract


@dataclass(frozen=True)
class Horizon:
    """How far a run looks: how far back at all (UTC), how long a fax may change, how long, and in how many calls, open
    ones are asked for; whether it takes what nobody declared; and how late a fax may appear in the provider's list."""

    start: datetime
    lookback: timedelta
    reread: timedelta
    calls: int
    contract: Contract = "evolve"
    lag: timedelta = timedelta()


@dataclass(frozen=True)
class RunRequest:
    """What a run is asked to do.

    `since` and `until` (UTC) ask for a backfill, which leaves the cursor alone and fills holes only, unless it is to
    `refetch`. A `full_refresh` reads and writes everything again. A load ends once it has gathered `rows_per_load` rows
    or `windows_per_load` windows. A run with nothing new writes once a `heartbeat`. At the `deadline`, in seconds of
    the monotonic clock, the run stops after the window that it reads.
    """

    run_id: str
    horizon: Horizon
    since: datetime | None = None
    until: datetime | None = None
    refetch: bool = False
    full_refresh: bool = False
    heartbeat: timedelta = timedelta(hours=1)
    rows_per_load: int = 100_000
    windows_per_load: int = 50  # twelve years, if windows are of 90 days: one load, as a rule
    deadline: float = math.inf

    @property
    def moves_cursor(self) -> bool:
        """A run with bounds of its own fills in the past and says nothing about the present."""
        return self.since is None and self.until is None
