"""One account's run, from the lock to the row that tells how it ended. Whatever stops it stops no other account."""

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
from pipelines.cli.summary import Outcome, require_proof
from pipelines.config import accounts
from pipelines.config.settings import PrivacySettings, ReportSettings, SyncSettings
from pipelines.health.no_faxes import hint
from pipelines.health.retired_provider import advised
from pipelines.outcome import signals
from pipelines.outcome.account_ending import Ending
from pipelines.views import refresh_views
from pipelines.warehouse import load, sync_runs
from pipelines.warehouse.ledger_compaction import compact
from pipelines.warehouse.retention import delete_expired
from pipelines.warehouse.stored_faxes import StoredFaxes
from sources import provider
from sources.errors import ConfigError, TryAgain
from sources.load.batches import Batches
from sources.load.resources import fax_source
from sources.load.run import Run
from sources.load.run_request import RunRequest
from sources.load.settings import SourceSettings
from sources.load.tally import Tally
from sources.window import whole_second

LOG = logging.getLogger("fax-sync")


@dataclass(frozen=True)
class Sync:
    """What the command asks for, for every account: `schema` is that of the views, `options` are the command line's."""

    schema: str
    run_id: str
    options: argparse.Namespace
    on_progress: OnProgress


class AccountSync:
    """The sync of one account into its raw schema, in two steps: `begin` looks for something new, `finish` loads it.

    `begin` may be called in another thread than `finish`, which must be the main thread, as it listens to signals.
    """

    def __init__(self, account: accounts.Account, warehouses: load.Warehouses, sync: Sync) -> None:
        self.account = account
        self.run: Run | None = None
        self._warehouses, self._sync = warehouses, sync
        self._began = 0.0
        self._ending = Ending()
        self._held = ExitStack()  # the warehouse, its lock, and the row of `sync_runs`
        self._opened: load.Warehouse | None = None
        self._rest: Callable[[], None] = lambda: None  # what `begin` has left to `finish`
        self._stopped: signals.Stopped | None = None
        self._failure: BaseException | None = None
        self.has_begun = Event()
        self._lock, self._is_abandoned = Lock(), False

    def begin(self) -> "AccountSync":
        """Opens the warehouse, and reads until there is something to load, or to the end; what fails fails `finish`."""
        self._began = time.monotonic()
        try:
            settings = self.account.settings()  # refused, if they must be, before anything is written
            warehouse = self._warehouses.opened(self.account.provider, self.account.name)
            self._opened = opened = self._held.enter_context(warehouse)
            self._held.enter_context(signals.cancelling(opened.cancel))
            opened.require_tables(self._sync.options.full_refresh)
            self.run = run = _run(self.account, settings, self._sync, opened, self._began)
            if not opened.appends:
                self._held.enter_context(sync_runs.recorded(opened.client, opened.raw, run, self._ending))
            batches = Batches(run, opened.position)
            with signals.gently(run.stop) if current_thread() is main_thread() else nullcontext():
                is_found = batches.find()
            self._rest = partial(self._load, opened, run, batches, is_found)
        except BaseException as failure:
            self._failure = failure
        with self._lock:
            self.has_begun.set()
            is_abandoned = self._is_abandoned
        if is_abandoned:
            with suppress(Exception):
                self._held.close()
        return self

    def finish(self) -> Outcome:
        """Loads what was found and all that follows; tells how the sync ended, whatever it met with."""
        try:
            with self._held:
                if self._stopped:
                    raise self._stopped
                if self._failure:
                    raise self._failure
                self._rest()
        except (Exception, signals.Stopped) as failure:
            LOG.debug("%s failed", self.account, exc_info=True)
            self._ending.note(failure, self.run)
        finally:
            if self.run:
                _close(self.run)
        error = advised(self._ending.error, provider(self.account.provider)) if self._ending.error else None
        return Outcome(self.account, self.run, time.monotonic() - self._began, error)

    def _load(self, opened: load.Warehouse, run: Run, batches: Batches, is_found: bool) -> None:
        """Loads until the run has reached its end, and mends what the warehouse needs mended after it."""
        with signals.gently(run.stop):
            _load_all(opened, run, batches, is_found)
        if run.request.moves_cursor and (text := hint(provider(self.account.provider), _stored(opened), run)):
            run.warnings.append(text)
        _purge(opened, self.account, run)
        compact(opened, run)
        run.warnings += _refresh_views(opened, self._sync.schema, run)
        require_proof(run)

    def abandon(self) -> bool:
        """Has a `begin` that has not ended close what it holds, as no `finish` follows; false if it has ended."""
        with self._lock:
            self._is_abandoned = not self.has_begun.is_set()
            return self._is_abandoned

    def stop(self, stopped: signals.Stopped) -> None:
        """Has a `begin` in another thread end soon, and `finish` load nothing."""
        self._stopped = stopped
        if self.run:
            self.run.stop.requested = True
            self.run.client.close()
        if self._opened and self._opened.cancel:
            self._opened.cancel()


def _close(run: Run) -> None:
    """Ends what still asks or waits for the provider; whatever that meets with, the outcome of the run is known."""
    try:
        run.closing.close()
    except Exception:
        LOG.debug("the connections to the provider did not end in good order", exc_info=True)


def _run(account: accounts.Account, settings: SourceSettings, sync: Sync, opened: load.Warehouse, began: float) -> Run:
    now = whole_second(datetime.now(UTC))
    loading, privacy = SyncSettings.read(), PrivacySettings.read()
    kept = privacy.kept_from(now)
    if kept and opened.appends:
        raise ConfigError("setting privacy.keep_days needs a database: nothing can be deleted from Parquet files")
    source, options = account.source(settings, privacy.handling()), sync.options
    request = RunRequest(
        sync.run_id,
        settings.horizon(source.api.EARLIEST),
        since=options.since,
        until=options.until,
        refetch=options.refetch,
        full_refresh=options.full_refresh,
        heartbeat=timedelta(minutes=loading.heartbeat_minutes),
        rows_per_load=loading.rows_per_load,
        deadline=began + 60 * options.max_runtime,
    )
    return Run(
        request,
        source,
        source.connect(),
        _stored(opened),
        now,
        kept,
        progress=lambda run: sync.on_progress(str(account), run),
    )


def _stored(opened: load.Warehouse) -> StoredFaxes:
    return StoredFaxes(opened.client, opened.account, opened.appends)


def _load_all(opened: load.Warehouse, run: Run, batches: Batches, is_found: bool) -> None:
    """Loads until the run has reached its end; `is_found`: there is something for the first load.

    It ends early if the run is asked to end.

    Raises:
        TryAgain: time is up; what is loaded stays, and the next run goes on from there.
    """
    source, before = None, Tally()
    while True:
        try:
            if is_found:
                source = source or fax_source(batches)
                run.loads += opened.load(source)
            if run.stop.requested or run.finished:
                return
            if run.is_late:
                raise TryAgain("stopped by --max-runtime; what is loaded is whole, and the next run goes on from there")
            before = run.tally.copy()
            is_found = batches.find()
        except BaseException:
            run.tally = before  # what came since then was not loaded
            raise


def _refresh_views(opened: load.Warehouse, schema: str, run: Run) -> list[str]:
    """Makes the views in `schema`, once a session and after a load; a warning for each that cannot be made."""
    if opened.appends:
        return ["Parquet files have no views: docs/files.md says how to query them"]
    if opened.session.has_views and not run.loads:
        return []
    with opened.lock.turn():
        warnings = refresh_views(opened.client, schema, ReportSettings.read().timezone)
    opened.session.has_views = True
    return warnings


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
