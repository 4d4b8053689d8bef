"""Faxes that are not final though too old to be read with their window: asked for by their ids when they are due."""

from collections.abc import Collection
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

from sources.extract.background_call import in_parallel
from sources.extract.window_result import WindowResult
from sources.load.ledger import problem_id
from sources.load.open_fax_schedule import Due, due
from sources.load.run import Run
from sources.records.record import Problem, place
from sources.records.schema import Table
from sources.window import DAY, Window

GONE = "not final, and the provider no longer has it"


class Reread(NamedTuple):
    """The faxes that this run asks for, oldest due first, and up to when all will have been asked for once they are."""

    faxes: list[Due]
    asked_until: datetime


def due_now(run: Run, asked_until: datetime | None, writes: bool, loading: Collection[Any] = ()) -> Reread | None:
    """What to ask for in this run, at most `horizon.calls` faxes; None if nothing, so that a quiet run stays quiet.

    The faxes with the ids of `loading` are left out: a window of the same load has read them.

    How far faxes have been asked for is stored with the load. So a run that `writes` nothing otherwise leaves them to
    the next one that does, unless a fax is asked for more often than runs write. One that the provider no longer has
    is a recorded problem, and not asked for again.
    """
    horizon, table = run.request.horizon, run.source.table
    if not horizon.calls:
        return None
    now = run.started_at
    span = Window(min(now - horizon.reread, run.spans[-1].start), run.spans[-1].start)
    open_faxes = [fax for fax in run.stored.open_faxes(table, span) if fax.id not in loading]
    found = due(open_faxes, now - DAY if asked_until is None else asked_until, now)
    known = run.stored.problem_ids() if found else ()
    asked = [fax for fax in found if problem_id(run.source.account, _gone(table, fax)) not in known]
    if not writes and all(fax.interval > run.request.heartbeat for fax in asked):
        return None
    are_left = len(asked) > horizon.calls
    asked = asked[: horizon.calls]
    return Reread(asked, asked[-1].at if are_left else now)


def reread(run: Run, faxes: list[Due]) -> WindowResult:
    """The faxes as the provider has them now, asked for on the same connections as its pages."""
    source, end = run.source, run.spans[-1].start
    span = Window(min((due.fax.created_at for due in faxes), default=end), end)
    result = WindowResult(span, span)
    calls = (partial(source.fetch_fax, run.client, due.fax.id) for due in faxes)
    for asked, record in zip(faxes, in_parallel(calls, run.client.connections()), strict=True):
        fingerprint = asked.fax.fingerprint
        if record is None:
            result.unplaced[fingerprint] = _gone(source.table, asked)
            continue
        try:
            fax = place(source.table, source.account, record)
        except ValueError as reason:
            result.unplaced[fingerprint] = Problem(
                source.table.name, asked.fax.id, None, record, str(reason), fingerprint
            )
        else:
            result.take(source.table, source.account, fax)
    return result


def _gone(table: Table, asked: Due) -> Problem:
    return Problem(table.name, asked.fax.id, None, None, GONE, asked.fax.fingerprint)
