"""The plan of a run: which spans of creation time to read. These are holes of the ledger, the look-back, and new time.

Pure functions of the run and its position.
"""

from datetime import datetime
from typing import NamedTuple

from sources.extract.window_result import PROVEN, PROVEN_OR_GAP
from sources.load.run import MAX_SKEW, Run
from sources.window import SECOND, Window, rfc3339, whole_second


class Position(NamedTuple):
    """How far an account has been read, all UTC.

    `cursor`: the creation time up to which it has been read. `read_at`: when that run started. `reread_until`: every
    re-read of an open fax that was due by then has been made.
    """

    cursor: datetime | None = None
    read_at: datetime | None = None
    reread_until: datetime | None = None


def plan(run: Run, position: Position) -> list[Window]:
    """The spans to read, in ascending order. The last span of a run without bounds ends `horizon.lag` before its start,
    by the later of the two clocks. How far faxes have been read before is taken by the earlier one.

    A fax may change until it is older than the look-back. So a fax that was younger than the look-back when it was last
    read is read again. A fax that was older is not, so an interrupted backfill continues where it stopped.

    Raises:
        ConfigError: by both clocks, it is before the provider's first fax.
    """
    run.source.require_time(run.latest_start)
    cursor, read_at, _ = position
    end, last, start = whole_second(run.end), whole_second(run.end_of_reading), run.default_start
    if not run.request.moves_cursor:
        asked = min(whole_second(run.request.since or start), last)
        start = _from_retention(run, asked)
        if run.request.since and start > asked:
            run.warnings.append(f"nothing created before {rfc3339(start)} is read: see [privacy] keep_days")
        if start >= last:
            return []
        span = Window(start, last)
        return [span] if run.request.refetch else run.holes(span, PROVEN)
    start = _from_retention(run, start)
    if cursor is None or run.request.full_refresh:
        return [Window(min(start, last), last)]
    if cursor > end + MAX_SKEW:  # the clocks of two runs may differ by less
        unread = run.holes(Window(start, end), PROVEN_OR_GAP) if start < end else []
        if unread and unread[-1].end == end:
            run.warnings.append(f"the cursor, {rfc3339(cursor)}, is later than the clock: {unread[-1]} is read again")
            cursor = read_at = unread[-1].start
    cursor = min(cursor, end)
    settled = min(cursor, (min(read_at, end) if read_at else cursor) - run.request.horizon.lookback)
    begin = whole_second(max(start, settled))
    holes = run.holes(Window(start, begin), PROVEN_OR_GAP) if start < begin else []
    # A hole of one second stays: it holds more faxes than the provider serves.
    return [*(hole for hole in holes if hole.length > SECOND), Window(min(begin, last - SECOND), last)]


def _from_retention(run: Run, start: datetime) -> datetime:
    """`start`, or the start of the retention if that is later."""
    return max(start, run.kept_from) if run.kept_from else start
