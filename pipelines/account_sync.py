"""One account's run, from its lock to its row in `sync_runs`. An error that ends it ends no other account's run."""

import argparse
import logging
import time
from collections.abc import Callable
from contextlib import ExitStack, nullcontext, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from threading import Event, Lock, current_thread, main_thread

from pipelines.cli.progress import OnProgress
from pipelines.config import accounts
from pipelines.config.settings import PrivacySettings, ReportSettings, SyncSettings
from pipelines.health.no_faxes import hint
from pipelines.outcome import signals
from pipelines.outcome.account_ending import Ending, kept
from pipelines.outcome.account_outcome import Outcome, require_proof
from pipelines.outcome.provider_advice import advised
from pipelines.views import refresh_views
from pipelines.warehouse import load, sync_runs
from pipelines.warehouse.ledger_compaction import compact
from pipelines.warehouse.retention import NO_CLOCK, delete_expired
from pipelines.warehouse.stored_faxes import StoredFaxes
from sources.errors import ConfigError, Paused
from sources.extract.source import Source
from sources.load.batches import Batches
from sources.load.resources import DltTables, fax_source
from sources.load.run import Run
from sources.load.run_request import RunRequest
from sources.load.settings import SourceSettings
from sources.load.tally import Tally
from sources.records.schema import Table
from sources.window import whole_second

LOG = logging.getLogger("fax-sync")


@dataclass(frozen=True)
class Sync:
    """What is the same for every account: the views' schema, the run's id, the command line's options, the progress."""

    schema: str
    run_id: str
    options: argparse.Namespace
    on_progress: OnProgress


class AccountSync:
    """The sync of one account into its raw schema, in two steps: `begin` reads what is new, `finish` loads it.

    `finish` must run in the main thread, because it handles signals; `begin` may run in another.
    """

    def __init__(self, account: accounts.Account, warehouses: load.Warehouses, sync: Sync) -> None:
        self.account = account
        self.run: Run | None = None
        self._warehouses, self._sync = warehouses, sync
        self._began = 0.0
        self._ending = Ending()
        self._resources = ExitStack()  # the warehouse, its lock, and the row of `sync_runs`
        self._opened: load.Warehouse | None = None
        self._load_found: Callable[[], None] = lambda: None  # set by `begin` for `finish`
        self._stopped: signals.Stopped | None = None
        self._failure: BaseException | None = None
        self.has_begun = Event()
        self._lock, self._is_abandoned = Lock(), False

    def begin(self) -> "AccountSync":
        """Opens the warehouse, and reads until it finds something to load, or to the end; `finish` reports an error."""
        self._began = time.monotonic()
        try:
            settings = self.account.settings()  # raises ConfigError before anything is written
            warehouse = self._warehouses.opened(self.account.provider, self.account.name)
            self._opened = opened = self._resources.enter_context(warehouse)
            self._resources.enter_context(signals.cancelling(opened.cancel))
            opened.require_tables(self._sync.options.full_refresh)
            self.run = run = run_of(self.account, settings, self._sync, opened, self._began)
            run.progress(run)
            if not opened.appends:
                self._resources.enter_context(sync_runs.recorded(opened.client, opened.raw, run, self._ending))
            batches = Batches(run, opened.position_of(run.source.table), DltTables())
            with signals.gently(run.stop) if current_thread() is main_thread() else nullcontext():
                is_found = batches.find()
            if current_thread() is not main_thread():
                batches.read_ahead()  # while other accounts load
            self._load_found = partial(self._load, opened, run, batches, is_found)
        except BaseException as failure:
            self._failure = failure
        with self._lock:
            self.has_begun.set()
            is_abandoned = self._is_abandoned
        if is_abandoned:
            with suppress(Exception):
                self._resources.close()
        return self

    def finish(self) -> Outcome:
        """Loads what `begin` found and everything after it; returns how the sync ended, also after an error."""
        try:
            with self._resources:
                if self._stopped:
                    raise self._stopped
                if self._failure:
                    raise self._failure
                self._load_found()
        except (Exception, signals.Stopped) as failure:
            LOG.debug("%s failed", self.account, exc_info=True)
            self._ending.note(failure, self.run)
        finally:
            if self.run:
                _close(self.run)
                self.run.doing = ""
                self.run.progress(self.run)
        error = advised(self._ending.error, self.account) if self._ending.error else None
        return Outcome(self.account, self.run, time.monotonic() - self._began, error)

    def _load(self, opened: load.Warehouse, run: Run, batches: Batches, is_found: bool) -> None:
        """Loads to the end of the run, deletes expired faxes, compacts the ledger, and refreshes the views."""
        with signals.gently(run.stop):
            _load_all(opened, run, batches, is_found)
            further = self._load_further_lists(opened, run)
        if run.request.moves_cursor and (text := hint(stored_of(opened, run.source.table), run)):
            run.warnings.append(text)
        _purge(opened, run)
        for walked in (run, *further):
            compact(opened, walked)
        run.warnings += _refresh_views(opened, self._sync.schema, run)
        if run.loads and not run.stop.requested and not opened.appends:
            run.balance = run.source.balance(run.client)
        for walked in (run, *further):
            require_proof(walked)

    def _load_further_lists(self, opened: load.Warehouse, run: Run) -> list[Run]:
        """The runs of the account's further lists. Where one fails, the faxes that are loaded have their views."""
        try:
            return [_load_further(opened, run, source) for source in run.source.further()]
        except Exception:
            run.warnings += _refresh_views(opened, self._sync.schema, run)
            raise

    def abandon(self) -> bool:
        """Makes a `begin` that is still running close its resources, as no `finish` follows; false if it has ended."""
        with self._lock:
            self._is_abandoned = not self.has_begun.is_set()
            return self._is_abandoned

    def stop(self, stopped: signals.Stopped) -> None:
        """Makes a `begin` in another thread end soon, and `finish` load nothing."""
        self._stopped = stopped
        if self.run:
            self.run.stop.requested = True
            self.run.client.close()
        if self._opened and self._opened.cancel:
            self._opened.cancel()


def _close(run: Run) -> None:
    """Ends requests and waits that are still open; an error changes nothing, as the outcome is already known."""
    try:
        run.closing.close()
    except Exception:
        LOG.debug("closing the connections to the provider failed", exc_info=True)


def run_of(
    account: accounts.Account, settings: SourceSettings, sync: Sync, opened: load.Warehouse, began: float
) -> Run:
    """The account's run as the options ask for it; nothing is requested yet."""
    now = whole_second(datetime.now(UTC))
    sync_settings, privacy = SyncSettings.read(), PrivacySettings.read()
    kept = privacy.kept_from(now)
    if kept and opened.appends:
        raise ConfigError("setting privacy.keep_days needs a database or Delta tables: Parquet files only grow")
    source, options = account.source(settings, privacy.handling()), sync.options
    request = RunRequest(
        sync.run_id,
        settings.horizon(source.api.EARLIEST),
        since=options.since,
        until=options.until,
        refetch=options.refetch,
        full_refresh=options.full_refresh,
        heartbeat=timedelta(minutes=sync_settings.heartbeat_minutes),
        rows_per_load=sync_settings.rows_per_load,
        deadline=began + 60 * options.max_runtime,
    )
    return Run(
        request,
        source,
        source.connect(),
        stored_of(opened, source.table),
        now,
        kept,
        progress=lambda run: sync.on_progress(str(account), run),
    )


def stored_of(opened: load.Warehouse, table: Table) -> StoredFaxes:
    """What the warehouse holds of its account, with the ledger of the table."""
    return StoredFaxes(opened.client, opened.account, opened.appends, table.ledger)


def _load_further(opened: load.Warehouse, run: Run, source: Source) -> Run:
    """The run of another list of the account, once all of it is loaded that the credentials may read."""
    further = run.of_list(source, stored_of(opened, source.table))
    batches = Batches(further, opened.position_of(source.table), DltTables())
    with further.skipping_if_forbidden():
        _load_all(opened, further, batches, batches.find())
    run.add(further)
    return further


def _load_all(opened: load.Warehouse, run: Run, batches: Batches, is_found: bool) -> None:
    """Loads to the end of the run, or until its stop is requested. `is_found` says whether there is a first load.

    Raises:
        Paused: `--max-runtime` is over.
    """
    source, loaded = None, Tally()
    while True:
        try:
            if is_found:
                source = source or fax_source(batches)
                run.loads += opened.load(source, partial(setattr, run, "doing"))
            loaded = run.tally.copy()
            if run.stop.requested or run.finished:
                return
            if run.is_late:
                raise Paused(f"paused by --max-runtime: {kept(run)}")
            is_found = batches.find()
        except BaseException:
            run.tally = loaded  # what was read since was not loaded
            raise


def _refresh_views(opened: load.Warehouse, schema: str, run: Run) -> list[str]:
    """Refreshes the views in `schema`, once a session and after each load that has changed dlt's schema.

    Returns a warning for each failure.
    """
    if opened.appends:
        return ["Parquet files have no views: see docs/files.md for how to query them"]
    version = opened.pipeline.default_schema.version_hash if run.loads else None
    if version in (viewed := opened.session.viewed_versions) or (viewed and not run.loads):
        return []
    run.doing = "making the views"
    with opened.lock.turn(schema):
        settings = ReportSettings.read()
        own = settings.own_views()
        warnings = refresh_views(opened.client, schema, settings.timezone, own)
    if settings.views != ReportSettings().views and not own.is_dir():
        warnings.append(f"[report] views: there is no folder {own}")
    viewed.add(version)
    return warnings


def _purge(opened: load.Warehouse, run: Run) -> None:
    """Deletes faxes older than `keep_days` if the provider's answers confirm the clock: a wrong one might delete all.

    A run with --since or --until deletes nothing, because it may have made no request.
    """
    if not run.kept_from or not run.request.moves_cursor:
        return
    if not run.client.has_server_time:
        run.warnings.append(NO_CLOCK)
    else:
        tables = run.source.tables
        run.purged, *_ = [delete_expired(opened, table, run.source.account, run.kept_from) for table in tables]
