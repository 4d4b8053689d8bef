"""What one run has to read: holes left in the past, the days that may still change, and what is new. Pure functions."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sources.load.run import ACCOUNTED_FOR, MOST_SKEW, PROVEN, Run
from sources.records.new_fields import Contract
from sources.window import SECOND, Window, rfc3339, whole_second


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


def plan(run: Run, horizon: Horizon, cursor: datetime | None, read_at: datetime | None) -> list[Window]:
    """The spans to walk, in ascending order; the last one of a plain run ends the provider's lag before its start.

    `cursor` is how far the account has been read, `read_at` when that was. A fax may change for as long as the
    look-back after its creation, so what was younger than that when it was last read is read again; what was older
    then is not, which is why an interrupted backfill goes on where it stopped.
    """
    end, start = whole_second(run.end), whole_second(horizon.start)
    if not run.moves_cursor:
        asked = min(whole_second(run.since or start), end)
        start = _kept(run, asked)
        if run.since and start > asked:
            run.warnings.append(f"nothing created before {rfc3339(start)} is read: see [privacy] keep_days")
        if start >= end:
            return []
        span = Window(start, end)
        return [span] if run.refetch else run.stored.holes(span, PROVEN)
    start = _kept(run, start)
    if cursor is None or run.full_refresh:
        return [Window(min(start, end), end)]
    if cursor > end + MOST_SKEW:  # less is how far the clocks of two runs may be apart
        run.warnings.append(f"the cursor, {cursor}, lay ahead of the clock: it is set back")
    cursor = min(cursor, end)
    settled = min(cursor, (min(read_at, end) if read_at else cursor) - horizon.lookback)
    begin = whole_second(max(start, settled))
    holes = run.stored.holes(Window(start, begin), ACCOUNTED_FOR) if start < begin else []
    # What is not proven is read again, but for a single second: it holds more than the provider serves.
    return [*(hole for hole in holes if hole.length > SECOND), Window(min(begin, end - SECOND), end)]


def _kept(run: Run, start: datetime) -> datetime:
    """Where to begin, if what is older than it is kept is to stay away."""
    return max(start, run.kept_from) if run.kept_from else start
