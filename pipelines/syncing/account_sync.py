"""The sync of one account, from its lock to its row in `sync_runs`. Its errors do not affect other accounts."""

import argparse
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from threading import Event, Lock

from pipelines.cli.progress import OnProgress
from pipelines.config import accounts
from pipelines.config.run_request import run_request
from pipelines.config.settings import PrivacySettings, ReportSettings
from pipelines.outcome import signals
from pipelines.outcome.account_ending import Ending
from pipelines.outcome.account_outcome import Outcome, require_proof
from pipelines.outcome.no_faxes import hint
from pipelines.outcome.provider_advice import advised
from pipelines.syncing.list_sync import ListSync
from pipelines.views import refresh_views
from pipelines.warehouse import load, sync_runs
from pipelines.warehouse.comments_and_indexes import refresh_statistics
from pipelines.warehouse.ledger_compaction import compact
from pipelines.warehouse.retention import NEEDS_DELETION, NO_CLOCK, delete_expired
from sources.errors import ConfigError
from sources.extract.background_call import BackgroundCall
from sources.extract.page import Balance
from sources.load.run import Run
from sources.load.settings import SourceSettings
from sources.load.tally import Tally
from sources.window import whole_second

LOG = logging.getLogger("fax-sync")


@dataclass(frozen=True)
class Sync:
    """What all accounts of one sync share: the schema of the views, the run's id, the command line's options.

    `began` is when it began, in seconds of the monotonic clock: its accounts share the time of `--max-runtime`.
    `viewed_versions`: raw schemas, each with the version of dlt's schema (None before a load) with which the views were
    refreshed.
    """

    schema: str
    run_id: str
    options: argparse.Namespace
    on_progress: OnProgress
    began: float = field(default_factory=time.monotonic)
    viewed_versions: set[tuple[str, str | None]] = field(default_factory=set)


class AccountSync:
    """The sync of one account into its raw schema, in two steps: `begin` reads up to the first load, `finish` loads.

    `begin` may run in a thread of its own. `finish` must run in the thread of the command, which handles signals.
    """

    def __init__(self, account: accounts.Account, warehouses: load.Warehouses, sync: Sync) -> None:
        self.account = account
        self.run: Run | None = None
        self._warehouses, self._sync = warehouses, sync
        self._began = 0.0
        self._ending = Ending()
        self._resources = ExitStack()  # the warehouse, its lock, and the row of `sync_runs`
        self._warehouse: load.Warehouse | None = None
        self._load_step: Callable[[], None] = lambda: None  # set by `begin`, called by `finish`
        self.lists_in_memory: Sequence[ListSync] = ()  # whose first load may be one with those of other accounts
        self._balance: BackgroundCall[Balance | None] | None = None
        self._stopped: signals.Stopped | None = None
        self._failure: BaseException | None = None
        self.begin_has_ended = Event()
        self._lock, self._is_abandoned = Lock(), False

    def begin(self) -> "AccountSync":
        """Opens the warehouse, and reads until there is something to load. An error is kept for `finish`."""
        self._began = self._began or time.monotonic()
        try:
            settings = self.account.settings()  # raises ConfigError before anything is written
            opening = self._warehouses.opened(self.account.provider, self.account.name)
            self._warehouse = warehouse = self._resources.enter_context(opening)
            self._resources.enter_context(signals.cancelling(warehouse.cancel))
            warehouse.require_tables(self._sync.options.full_refresh)
            self.run = run = create_run(self.account, settings, self._sync, warehouse)
            run.progress(run)
            if not warehouse.appends:
                self._resources.enter_context(sync_runs.recorded(warehouse.client, warehouse.raw, run, self._ending))
            first, is_main = ListSync(warehouse, run), signals.in_main_thread()
            with signals.gently(run.stop):
                first.begin()
            ahead = None if is_main else _read_ahead(warehouse, first)  # while other accounts are loaded
            in_memory = [each for each in (first, *(ahead or ())) if each.has_load_in_memory]
            self.lists_in_memory = in_memory if first in in_memory else ()
            self._load_step = partial(self._load, warehouse, first, ahead)
        except BaseException as failure:
            self._failure = failure
        with self._lock:
            self.begin_has_ended.set()
            is_abandoned = self._is_abandoned
        if is_abandoned:
            with suppress(Exception):  # the outcome is already told: the run was not started
                self._resources.close()
        return self

    def finish(self) -> Outcome:
        """Loads everything, and returns the outcome, whether the sync succeeded or failed."""
        try:
            with self._resources:
                if self._stopped:
                    if self.run and not self.run.loads:
                        self.run.tally = Tally()  # what was read is not loaded
                    raise self._stopped
                if self._failure:
                    raise self._failure
                self._load_step()
        except (Exception, signals.Stopped) as failure:
            LOG.debug("%s failed", self.account, exc_info=True)
            self._sync.viewed_versions.clear()  # it may have loaded a table that no view reads yet
            self._ending.note(failure, self.run)
        finally:
            if self.run:
                _close(self.run)
                self.run.doing = ""
                self.run.progress(self.run)
        error = advised(self._ending.error, self.account) if self._ending.error else None
        return Outcome(self.account, self.run, time.monotonic() - self._began, error)

    def _load(self, warehouse: load.Warehouse, first: ListSync, ahead: Sequence[ListSync] | None) -> None:
        """Loads to the end of the run, deletes expired faxes, compacts the ledger, refreshes statistics and views.

        `ahead`: the lists that `_read_ahead` returned; None if nothing has been read ahead yet.

        Raises:
            Incomplete: a window could not be proven complete.
            Paused: `--max-runtime` is over.
        """
        run = first.run
        with signals.gently(run.stop):
            ahead = _read_ahead(warehouse, first) if ahead is None else ahead
            first.load(beside=[each for each in ahead if each.is_in_memory])
            further = self._load_further_lists(warehouse, run, ahead)
        if run.request.moves_cursor and (text := hint(warehouse.stored(run.source.table), run)):
            run.warnings.append(text)
        _delete_expired(warehouse, run)
        for each in (run, *further) if run.loads else ():
            compact(warehouse, each)
        if warehouse.schema and warehouse.session.kind == "postgres":
            refresh_statistics(warehouse.client, warehouse.schema, run.tally.rows)
        if not run.stop.requested and not warehouse.appends:
            self.request_balance()
        try:
            run.warnings += _refresh_views(warehouse, self._sync, run)
        finally:
            run.balance = self._balance.result() if self._balance and not signals.received() else None
        for each in (run, *further):
            require_proof(each)

    def _load_further_lists(self, warehouse: load.Warehouse, run: Run, ahead: Sequence[ListSync]) -> list[Run]:
        """The runs of the account's further lists, loaded. If one fails, the views are refreshed all the same."""
        further = ahead or _begin_further_lists(warehouse, run)
        try:
            for each in further:
                with each.run.skipping_if_forbidden():
                    each.load()
                run.merge(each.run)
        except Exception:
            run.warnings += _refresh_views(warehouse, self._sync, run)
            raise
        return [each.run for each in further]

    def request_balance(self) -> None:
        """Requests the balance of the account, once, if the run has loaded something. `finish` awaits it."""
        if self.run and self.run.loads and not self._balance:
            run = self.run
            self._balance = BackgroundCall(lambda _: run.source.balance(run.client))
            self._balance.start()

    def begin_again(self) -> None:
        """Reads everything again, on new connections: the load together with other accounts failed."""
        with suppress(Exception):
            self._resources.close()
        with suppress(Exception):
            self._warehouses.close()
        if self.run:
            _close(self.run)
        self.run, self._ending, self.lists_in_memory = None, Ending(), ()
        self.begin()

    def abandon(self) -> bool:
        """Tells a `begin` that is still running to close its resources itself; false if it has ended."""
        with self._lock:
            self._is_abandoned = not self.begin_has_ended.is_set()
            return self._is_abandoned

    def stop(self, stopped: signals.Stopped) -> None:
        """Ends a `begin` in another thread soon, and makes `finish` load nothing."""
        self._stopped = stopped
        if self.run:
            self.run.stop.requested = True
            self.run.client.close()
        if self._warehouse and self._warehouse.cancel:
            self._warehouse.cancel()


def _close(run: Run) -> None:
    """Ends open requests and waits. An error is only logged, because the outcome is already known."""
    try:
        run.cleanup.close()
    except Exception:
        LOG.debug("closing the connections to the provider failed", exc_info=True)


def create_run(account: accounts.Account, settings: SourceSettings, sync: Sync, warehouse: load.Warehouse) -> Run:
    """The account's run according to the settings and options. It makes no request."""
    now = whole_second(datetime.now(UTC))
    privacy = PrivacySettings.read()
    kept = privacy.kept_from(now)
    if kept and warehouse.appends:
        raise ConfigError(NEEDS_DELETION)
    source, options = account.source(settings, privacy.handling()), sync.options
    deadline = sync.began + 60 * options.max_runtime
    request = run_request(options, sync.run_id, settings.horizon(source.api.EARLIEST), deadline)
    return Run(
        request,
        source,
        source.connect(request.deadline),
        warehouse.stored(source.table),
        now,
        kept,
        progress=lambda run: sync.on_progress(str(account), run),
    )


def _read_ahead(warehouse: load.Warehouse, first: ListSync) -> list[ListSync]:
    """Reads ahead in the first list and, once all of it is read, in the further lists; returns these."""
    first.read_ahead()
    return _begin_further_lists(warehouse, first.run) if first.is_read else []


def _begin_further_lists(warehouse: load.Warehouse, run: Run) -> list[ListSync]:
    """The account's further lists, read ahead."""
    sources = run.source.further_lists()
    further = [ListSync(warehouse, run.for_list(each, warehouse.stored(each.table))) for each in sources]
    for each in further:
        each.begin()
        each.read_ahead()
    return further


def _refresh_views(warehouse: load.Warehouse, sync: Sync, run: Run) -> list[str]:
    """Refreshes the views, once for each provider and after each change of dlt's schema; returns the warnings."""
    if warehouse.appends:
        return ["Parquet files have no views: see docs/files.md for how to query them"]
    viewed, version = sync.viewed_versions, warehouse.schema.version_hash if warehouse.schema else None
    if (warehouse.raw, version) in viewed or (not run.loads and any(raw == warehouse.raw for raw, _ in viewed)):
        return []
    run.doing = "making the views"
    with warehouse.lock.turn(sync.schema):
        settings = ReportSettings.read()
        own_views = settings.own_views()
        warnings = refresh_views(warehouse.client, sync.schema, settings.timezone, own_views)
    if settings.views != ReportSettings().views and not own_views.is_dir():
        warnings.append(f"[report] views: there is no folder {own_views}")
    viewed.add((warehouse.raw, version))
    return warnings


def _delete_expired(warehouse: load.Warehouse, run: Run) -> None:
    """Deletes faxes older than `keep_days` (retention).

    A wrong clock could delete all faxes, so the provider's responses have to confirm the clock. A backfill may make no
    request, and deletes nothing.
    """
    if not run.kept_from or not run.request.moves_cursor:
        return
    if not run.client.has_server_time:
        run.warnings.append(NO_CLOCK)
    else:
        run.purged, *_ = [delete_expired(warehouse, table, run.kept_from) for table in run.source.tables]
