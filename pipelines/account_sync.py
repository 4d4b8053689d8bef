"""One account's run, from the lock to the row that tells how it ended. Whatever stops it stops no other account."""

import argparse
import logging
import time
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta

from pipelines.cli.progress import OnProgress
from pipelines.cli.summary import Outcome, require_proof
from pipelines.config import accounts
from pipelines.config.settings import PrivacySettings, ReportSettings, SyncSettings
from pipelines.health.no_faxes import hint
from pipelines.health.retired_provider import advised
from pipelines.outcome import signals
from pipelines.outcome.account_ending import Ending
from pipelines.views import refresh_views
from pipelines.warehouse import load, sync_runs
from pipelines.warehouse.dropped_tables import forget_dropped_tables
from pipelines.warehouse.ledger_compaction import compact
from pipelines.warehouse.retention import delete_expired
from pipelines.warehouse.stored_faxes import StoredFaxes
from sources import provider
from sources.errors import ConfigError, TryAgain
from sources.load.resources import fax_source
from sources.load.run import Run
from sources.load.run_request import RunRequest
from sources.load.settings import SourceSettings
from sources.window import whole_second

LOG = logging.getLogger("fax-sync")


def sync_account(
    account: accounts.Account, schema: str, run_id: str, options: argparse.Namespace, on_progress: OnProgress
) -> Outcome:
    """Syncs one account into its raw schema, and the views of `schema`; `options` are those of the command line."""
    began = time.monotonic()
    run: Run | None = None
    ending = Ending()
    try:
        settings = account.settings()  # refused, if they must be, before anything is written
        with (
            load.opened(account.provider, account.name, schema) as opened,
            signals.cancelling(opened.cancel),
        ):
            forget_dropped_tables(opened.pipeline, opened.client, options.full_refresh)
            run = _run(account, settings, run_id, options, opened, began, on_progress)
            raw = opened.pipeline.dataset_name
            with nullcontext() if opened.appends else sync_runs.recorded(opened.client, raw, run, ending):
                with signals.gently(run.stop):
                    _load_all(opened, run)
                if run.request.moves_cursor and (
                    text := hint(provider(account.provider), _stored(opened, account), run)
                ):
                    run.warnings.append(text)
                _purge(opened, account, run)
                compact(opened, run)
                run.warnings += _refresh_views(opened, schema)
                require_proof(run)
    except (Exception, signals.Stopped) as failure:
        LOG.debug("%s failed", account, exc_info=True)
        ending.note(failure, run)
    finally:
        if run:
            _close(run)
    error = advised(ending.error, provider(account.provider)) if ending.error else None
    return Outcome(account, run, time.monotonic() - began, error)


def _close(run: Run) -> None:
    """Ends what still asks or waits for the provider; whatever that meets with, the outcome of the run is known."""
    try:
        run.closing.close()
    except Exception:
        LOG.debug("the connections to the provider did not end in good order", exc_info=True)


def _run(
    account: accounts.Account,
    settings: SourceSettings,
    run_id: str,
    options: argparse.Namespace,
    opened: load.Warehouse,
    began: float,
    on_progress: OnProgress,
) -> Run:
    now = whole_second(datetime.now(UTC))
    sync, privacy = SyncSettings.read(), PrivacySettings.read()
    kept = privacy.kept_from(now)
    if kept and opened.appends:
        raise ConfigError("setting privacy.keep_days needs a database: nothing can be deleted from Parquet files")
    source = account.source(settings, privacy.handling())
    request = RunRequest(
        run_id,
        settings.horizon(source.api.EARLIEST),
        since=options.since,
        until=options.until,
        refetch=options.refetch,
        full_refresh=options.full_refresh,
        heartbeat=timedelta(minutes=sync.heartbeat_minutes),
        rows_per_load=sync.rows_per_load,
        deadline=began + 60 * options.max_runtime,
    )
    stored, client = _stored(opened, account), source.connect()
    return Run(request, source, client, stored, now, kept, progress=lambda run: on_progress(str(account), run))


def _stored(opened: load.Warehouse, account: accounts.Account) -> StoredFaxes:
    return StoredFaxes(opened.client, account.name, opened.appends)


def _load_all(opened: load.Warehouse, run: Run) -> None:
    """Loads until the run has reached its end.

    It ends early if the run is asked to end.

    Raises:
        TryAgain: time is up; what is loaded stays, and the next run goes on from there.
    """
    source = fax_source(run)
    while not run.finished:
        before = run.tally.copy()
        try:
            run.loads += opened.load(source)
        except BaseException:
            run.tally = before  # what came since then was not loaded
            raise
        if run.stop.requested:
            return
        if run.is_late and not run.finished:
            raise TryAgain("stopped by --max-runtime; what is loaded is whole, and the next run goes on from there")


def _refresh_views(opened: load.Warehouse, schema: str) -> list[str]:
    """Makes the views in `schema`; a warning for each that cannot be made."""
    if opened.appends:
        return ["Parquet files have no views: docs/files.md says how to query them"]
    with opened.lock.turn():
        return refresh_views(opened.client, schema, ReportSettings.read().timezone)


def _purge(opened: load.Warehouse, account: accounts.Account, run: Run) -> None:
    """Deletes what is too old by a clock that the provider's answers have confirmed: a wrong one might delete all.

    A run with bounds of its own may have asked for nothing.
    """
    if not run.kept_from or not run.request.moves_cursor:
        return
    if not run.client.has_told_time:
        run.warnings.append("nothing older than [privacy] keep_days was deleted: the provider's answers tell no time")
    else:
        run.purged = delete_expired(opened, provider(account.provider).TABLE, account.name, run.kept_from)
