"""What one run has to read: holes left in the past, the days that may still change, and what is new. Pure functions."""

from datetime import datetime
from typing import NamedTuple

from sources.load.run import ACCOUNTED_FOR, MOST_SKEW, PROVEN, Run
from sources.window import SECOND, Window, rfc3339, whole_second


class Position(NamedTuple):
    """How far an account has been read, when that was, and up to when open faxes have been asked for; all UTC."""

    cursor: datetime | None = None
    read_at: datetime | None = None
    asked_until: datetime | None = None


def plan(run: Run, position: Position) -> list[Window]:
    """The spans to walk, in ascending order; the last one of a plain run ends the provider's lag before its start.

    A fax may change for as long as the
    look-back after its creation, so what was younger than that when it was last read is read again; what was older
    then is not, which is why an interrupted backfill goes on where it stopped.
    """
    cursor, read_at, _ = position
    end, start = whole_second(run.end), run.begins_at
    if not run.request.moves_cursor:
        asked = min(whole_second(run.request.since or start), end)
        start = _kept(run, asked)
        if run.request.since and start > asked:
            run.warnings.append(f"nothing created before {rfc3339(start)} is read: see [privacy] keep_days")
        if start >= end:
            return []
        span = Window(start, end)
        return [span] if run.request.refetch else run.stored.holes(span, PROVEN)
    start = _kept(run, start)
    if cursor is None or run.request.full_refresh:
        return [Window(min(start, end), end)]
    if cursor > end + MOST_SKEW:  # less is how far the clocks of two runs may be apart
        run.warnings.append(f"the cursor, {cursor}, lay ahead of the clock: it is set back")
    cursor = min(cursor, end)
    settled = min(cursor, (min(read_at, end) if read_at else cursor) - run.request.horizon.lookback)
    begin = whole_second(max(start, settled))
    holes = run.stored.holes(Window(start, begin), ACCOUNTED_FOR) if start < begin else []
    # What is not proven is read again, but for a single second: it holds more than the provider serves.
    return [*(hole for hole in holes if hole.length > SECOND), Window(min(begin, end - SECOND), end)]


def _kept(run: Run, start: datetime) -> datetime:
    """Where to begin, if what is older than it is kept is to stay away."""
    return max(start, run.kept_from) if run.kept_from else start
