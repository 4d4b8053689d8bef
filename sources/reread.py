"""Faxes that are not final though too old to be read with their window: asked for one by one, until they are."""

import random
from collections.abc import Callable, Collection
from typing import Any

from sources.columns import Record, Table
from sources.ledger import problem_id
from sources.plan import Horizon
from sources.records import Problem, place
from sources.run import Run
from sources.walked import Walked
from sources.window import Window

GONE = "not final, and the provider no longer has it"


def reread(
    run: Run,
    table: Table,
    fetch_fax: Callable[[Any], Record | None],
    horizon: Horizon,
    loading: Collection[Any],
) -> Walked:
    """The open faxes as the provider has them now, at most `horizon.calls` of them, drawn anew by each run.

    The faxes with the ids of `loading` are left out: a window of the same load has read them.

    One that the provider no longer has is a problem, recorded once, and not asked for again.
    """
    span = Window(min(run.started_at - horizon.reread, run.spans[-1].start), run.spans[-1].start)
    walked = Walked(span, span)
    stored = run.stored.open_faxes(table.name, table.final, span)
    marks = {fax_id: mark for fax_id, mark in stored.items() if fax_id not in loading}
    gone = {fax_id: Problem(table.name, fax_id, None, None, GONE, mark) for fax_id, mark in marks.items()}
    known = run.stored.problem_ids() if gone else ()
    asked = [fax_id for fax_id, problem in gone.items() if problem_id(run.account, problem) not in known]
    for fax_id in random.Random(run.run_id).sample(asked, min(len(asked), horizon.calls)):  # noqa: S311  # no secret
        record = fetch_fax(fax_id)
        if record is None:
            walked.unplaced[marks[fax_id]] = gone[fax_id]
            continue
        try:
            fax = place(table, run.account, record)
        except ValueError as reason:
            walked.unplaced[marks[fax_id]] = Problem(table.name, fax_id, None, record, str(reason), marks[fax_id])
        else:
            walked.take(table, run.account, fax)
    return walked
