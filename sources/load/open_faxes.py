"""Re-reads of open faxes: a fax older than the look-back that is not final is requested by its id when it is due."""

from collections.abc import Collection
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

from sources.errors import ContractError, FaxSyncError, Forbidden, ProviderDown
from sources.extract.background_call import in_parallel
from sources.extract.window_result import WindowResult
from sources.load.ledger import problem_id
from sources.load.open_fax_schedule import Due, due
from sources.load.run import Run
from sources.records.record import Problem, place
from sources.records.schema import Record, Table
from sources.window import DAY, SECOND, Window

GONE = "not final, and the provider no longer has it"
MAX_DOWN = 3  # re-reads in a run that the provider fails to answer, before it is taken to be down


class Rereads(NamedTuple):
    """The re-reads of one run, the oldest due first. After them, all that were due by `reread_until` have been made."""

    faxes: list[Due]
    reread_until: datetime


def due_rereads(run: Run, reread_until: datetime | None, writes: bool, loading: Collection[Any] = ()) -> Rereads | None:
    """The re-reads that this run makes, `horizon.max_rereads` at most; None if there are none.

    Faxes with an id in `loading` are left out: a window of the same load has read them. So are faxes that the provider
    no longer has: each is a recorded problem.

    `reread_until` is stored with a load. So a run that otherwise `writes` nothing leaves the re-reads to the next run
    that writes, unless one has an interval shorter than the heartbeat.
    """
    horizon, table = run.request.horizon, run.source.table
    if not horizon.max_rereads:
        return None
    now = run.started_at
    span = Window(min(now - horizon.reread_age, run.spans[-1].start), run.spans[-1].start)
    open_faxes = [fax for fax in run.stored.open_faxes(table, span) if fax.id not in loading]
    found = due(open_faxes, now - DAY if reread_until is None else reread_until, now)
    known = run.stored.problem_ids() if found else ()
    rereads = [due for due in found if problem_id(run.source.account, _gone(table, due)) not in known]
    if not writes and all(due.interval > run.request.heartbeat for due in rereads):
        return None
    some_remain = len(rereads) > horizon.max_rereads
    rereads = rereads[: horizon.max_rereads]
    return Rereads(rereads, rereads[-1].at if some_remain else now)


def reread_faxes(run: Run, rereads: Rereads) -> tuple[WindowResult, datetime]:
    """The faxes as the provider has them now, as one result without a proof, and the new `reread_until`.

    Requests run in parallel. A fax that the provider does not give is a warning, and stays as it is until its next
    re-read is due: the faxes of the run's windows must not wait for it. If the provider seems to be down, or the run
    must stop, the rest is left to the next run.
    """
    source, end = run.source, run.spans[-1].start
    span = Window(min((due.fax.created_at for due in rereads.faxes), default=end), end)
    result = WindowResult(span, span)
    failed = list[tuple[Due, FaxSyncError]]()
    calls = (partial(_fetch, run, due) for due in rereads.faxes)
    reread_until = rereads.reread_until
    for reread, record in zip(rereads.faxes, in_parallel(calls, run.client.connections()), strict=True):
        fingerprint = reread.fax.fingerprint
        if run.must_stop and isinstance(record, ProviderDown):  # for lack of time
            reread_until = reread.at - SECOND
            break
        if isinstance(record, FaxSyncError):
            failed.append((reread, record))
        elif record is None:
            result.unplaced[fingerprint] = _gone(source.table, reread)
        else:
            try:
                fax = place(source.table, source.account, record)
            except ValueError as reason:
                result.unplaced[fingerprint] = Problem(
                    source.table.name, reread.fax.id, None, record, str(reason), fingerprint
                )
            else:
                if fax.id == reread.fax.id:
                    result.add(source.table, source.account, [fax])
                else:  # perhaps an old version of it, from a cache
                    failed.append((reread, ContractError("the provider gives another fax in its place")))
        if run.must_stop or sum(isinstance(error, ProviderDown) for _, error in failed) == MAX_DOWN:
            reread_until = reread.at
            break
    if failed:
        run.warnings.append(_warning(failed))
    return result, reread_until


def _fetch(run: Run, reread: Due) -> Record | FaxSyncError | None:
    """The fax as the provider has it, None if it no longer has it, or the error that concerns only this request."""
    try:
        return run.source.fetch_fax(run.client, reread.fax.id)
    except (ContractError, Forbidden, ProviderDown) as error:
        return error


def _warning(failed: list[tuple[Due, FaxSyncError]]) -> str:
    (first, error), *others = failed
    faxes = f"open fax {first.fax.id}" + (f" and {len(others)} more" if others else "")
    return f"{faxes} could not be re-read by id, and will be within a day: {error}"


def _gone(table: Table, reread: Due) -> Problem:
    return Problem(table.name, reread.fax.id, None, None, GONE, reread.fax.fingerprint)
