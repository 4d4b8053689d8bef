"""What a sync would read now, by the settings and the warehouse. It asks no provider, and writes nothing."""

import math
from contextlib import AbstractContextManager
from typing import Any

from pipelines import demo
from pipelines.config.accounts import Account
from pipelines.config.destination import delta_url
from pipelines.lake import reading
from pipelines.outcome.unforeseen import always_fax_sync_error
from pipelines.syncing.account_sync import Sync, create_run
from pipelines.warehouse import load
from pipelines.warehouse.stored_faxes import StoredFaxes
from sources.errors import FaxSyncError
from sources.load.open_faxes import due_rereads
from sources.load.plan import plan
from sources.load.run import Run


def dry_run(account: Account, sync: Sync) -> tuple[str, FaxSyncError | None]:
    """One line on what the sync of the account would read, or on the error that would prevent it, and that error."""
    try:
        with demo.stand_in(), _opened(account, sync.schema) as opened:
            run = create_run(account, account.settings(), sync, opened)
            further = (run.for_list(source, opened.stored(source.table)) for source in run.source.further_lists())
            sentences = [_sentence_of(run, opened)]
            sentences += [f"{_sentence_of(walked, opened)} ({walked.source.table.name})" for walked in further]
            return "\n".join(f"{account}: {sentence}" for sentence in sentences), None
    except Exception as failure:
        error = always_fax_sync_error(failure)
        return f"{account}: {error}", error


def _opened(account: Account, schema: str) -> AbstractContextManager[Any]:
    """The account's warehouse, or its Delta tables."""
    if output := delta_url():
        return reading.delta_tables(output, account.provider, account.name, schema)
    return load.opened(account.provider, account.name, schema)


def _sentence_of(run: Run, opened: Any) -> str:
    """What the run of one list would read."""
    position = opened.position_of(run.source.table)
    kept = (span.starting_from(run.source.history_start(run.started_at)) for span in plan(run, position))
    run.spans = [span for span in kept if span.length]
    asked = position.reread_until if position.cursor else run.started_at
    due = due_rereads(run, asked, writes=True) if run.spans and run.request.moves_cursor else None
    return _sentence(run, opened.stored(run.source.table), len(due.faxes) if due else 0)


def _sentence(run: Run, stored: StoredFaxes, open_faxes: int) -> str:
    if not run.spans:
        return "would read nothing: all windows are proven already, or older than what the provider keeps"
    by_id = f", {open_faxes} of them for open faxes by their ids" if open_faxes else ""
    requests, is_known = _requests(run, stored)
    number = f"{requests + open_faxes:,} request{'' if requests + open_faxes == 1 else 's'}"
    return f"would read {' and '.join(map(str, run.spans))} in {'about' if is_known else 'at least'} {number}{by_id}"


def _requests(run: Run, stored: StoredFaxes) -> tuple[int, bool]:
    """How many requests the spans take, and whether that is more than the least: the ledger shows how much one brings.

    The least is one for each of the widest windows that the provider's API is asked for.
    """
    least = sum(math.ceil(span.length / run.source.api.WIDEST_WINDOW) for span in run.spans)
    faxes = sum(stored.counts(run.source.table, run.spans))
    page = stored.most_rows_per_request()
    return least + (faxes // page if page else 0), page is not None
