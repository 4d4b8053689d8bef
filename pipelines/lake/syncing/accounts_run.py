"""The sync of all accounts into Delta tables: it plans the tasks, has them run in threads or on Spark, and merges.

One task at a time reads an account, so that its rate limit holds. Each round has one task for each account. A round is
merged before the next one, so a killed run continues after its last round.
"""

import argparse
import logging
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pyarrow.fs as pafs
from dlt.common.schema import Schema

from pipelines.config.accounts import Account
from pipelines.config.settings import PrivacySettings, SyncSettings
from pipelines.lake import errors
from pipelines.lake.account_task import AccountTask, Report
from pipelines.lake.loading import ProviderTables, Staged, group_for_merge
from pipelines.lake.place import local_directory, locked
from pipelines.lake.retention import compact_files, compact_ledger, delete_expired, delete_files
from pipelines.lake.stored import LakeStored
from pipelines.lake.tables import positions
from pipelines.outcome import signals
from pipelines.outcome.account_ending import interrupted, kept
from pipelines.outcome.account_outcome import Outcome, require_proof
from pipelines.outcome.no_faxes import hint
from pipelines.outcome.provider_advice import advised
from pipelines.outcome.unforeseen import always_fax_sync_error
from pipelines.warehouse import sync_runs
from pipelines.warehouse.retention import NO_CLOCK
from sources.errors import AtWork, ConfigError, FaxSyncError, Paused
from sources.extract.source import Source
from sources.extract.stop import Stop
from sources.load.ledger import SYNC_PROBLEMS
from sources.load.plan import Position
from sources.load.run import Run
from sources.load.run_request import RunRequest
from sources.load.settings import SourceSettings
from sources.spark.executor_settings import private_names
from sources.window import whole_second

LOG = logging.getLogger("fax-sync")
RunTasks = Callable[[Sequence[AccountTask]], Sequence[Report]]
_STAGING = "_staging"


@dataclass
class _AccountRun:
    """An account, its run for the summary, and its error."""

    account: Account
    settings: SourceSettings
    run: Run
    finished: bool = False
    kept_from: datetime | None = None  # confirmed by the provider's clock
    seconds: float = 0.0
    error: FaxSyncError | None = None
    first_list: "_AccountRun | None" = None  # the run of the faxes, if this one reads another list

    def fail(self, failure: BaseException) -> None:
        """Ends the account's run with the failure, as a `FaxSyncError`."""
        self.error, self.finished = _to_fax_sync_error(self.account, failure), True
        if self.first_list:
            self.first_list.error = self.error


@dataclass(frozen=True)
class LakeRun:
    """A sync into the Delta tables below `output`, a URL.

    `run_tasks` runs tasks in parallel and returns their reports in the same order. `secrets`, as `module:function`,
    names the function that gives the credentials to executors.
    """

    output: str
    run_id: str
    run_tasks: RunTasks
    secrets: str | None = None
    max_minutes: float = math.inf
    since: datetime | None = None
    until: datetime | None = None
    refetch: bool = False
    full_refresh: bool = False

    def sync(self, accounts: Sequence[Account]) -> list[Outcome]:
        """The outcome of each account, in their order, also after a signal, or if another run is at work."""
        deadline = time.monotonic() + 60 * self.max_minutes
        try:
            with locked(self.output), self._staging() as staging:
                outcomes = self._sync(accounts, staging, deadline)
        except AtWork as at_work:
            outcomes = {account: Outcome(account, None, 0.0, at_work) for account in accounts}
        return [outcomes[account] for account in accounts]

    def _sync(self, accounts: Sequence[Account], staging: str, deadline: float) -> dict[Account, Outcome]:
        with suppress(Exception):  # an account's run will report the same failure
            self._delete_files({account.provider for account in accounts})  # of a killed run
        runs: list[_AccountRun] = []
        refused: dict[Account, Outcome] = {}
        current, all_runs = runs, list[_AccountRun]()
        try:
            with signals.gently(Stop()):  # a signal must not interrupt a merge
                for account in accounts:
                    try:
                        runs.append(self._create_run(account))
                    except Exception as failure:
                        refused[account] = Outcome(account, None, 0.0, _to_fax_sync_error(account, failure))
                while current:
                    while waiting := [one for one in current if not one.finished]:
                        signals.raise_if_received()
                        self._run_round(waiting, staging, deadline)
                    all_runs += current
                    current = [further for one in current if not one.error for further in self._next_list(one)]
                for one in runs:
                    self._hint(one)
                    self._delete_expired(one)
                self._compact(all_runs)
        except signals.Stopped as stopped:
            for one in current:
                if not one.error and (not one.finished or self._next_list(one)):
                    one.fail(interrupted(stopped, one.run) or stopped)
        with signals.deferred():
            self._write_sync_runs(runs)
        return {one.account: Outcome(one.account, one.run, one.seconds, one.error) for one in runs} | refused

    def _create_run(self, account: Account) -> _AccountRun:
        """The run of an account, which has made no request yet."""
        settings, loading, privacy = account.settings(), SyncSettings.read(), PrivacySettings.read()
        source = account.source(settings, privacy.handling())
        request = RunRequest(
            self.run_id,
            settings.horizon(source.api.EARLIEST),
            self.since,
            self.until,
            self.refetch,
            self.full_refresh,
            timedelta(minutes=loading.heartbeat_minutes),
            loading.rows_per_load,
        )
        stored = self._stored(source)
        now = whole_second(datetime.now(UTC))
        run = Run(request, source, source.connect(), stored, now, privacy.kept_from(now))
        return _AccountRun(account, settings, run)

    def _next_list(self, one: _AccountRun) -> list[_AccountRun]:
        """The run of the provider's next list, if there is one."""
        return [
            _AccountRun(
                one.account,
                one.settings,
                one.run.for_list(source, self._stored(source)),
                first_list=one.first_list or one,
            )
            for source in one.run.source.further_lists()[:1]
        ]

    def _stored(self, source: Source) -> LakeStored:
        return LakeStored(self._tables(source.provider).root, source.account, source.table.ledger)

    def _run_round(self, waiting: Sequence[_AccountRun], staging: str, deadline: float) -> None:
        """Runs one task for each account, those with the most faxes first, and merges what they have staged."""
        left = deadline - time.monotonic()
        if left <= 0:
            for one in waiting:
                one.fail(Paused(f"paused by --max-runtime: {kept(one.run)}"))
            return
        tasks: list[tuple[_AccountRun, AccountTask]] = []
        sizes: dict[_AccountRunKey, float] = {}
        for name in {one.account.provider: None for one in waiting}:
            of_provider = [one for one in waiting if one.account.provider == name]
            try:
                held = self._tables(name, of_provider[0].run.source.listing)
                read, columns, faxes = positions(held.root, held.table), held.columns(), held.fax_counts()
            except Exception as failure:
                for one in of_provider:
                    one.fail(failure)
                continue
            for one in of_provider:
                sizes[_key(one)] = faxes.get(one.account.name, math.inf)  # a first run reads the whole history
                tasks.append((one, self._task(one, read.get(one.account.name, Position()), columns, staging, left)))
        tasks.sort(key=lambda pair: -sizes[_key(pair[0])])
        try:
            with signals.waiting():
                reports = self.run_tasks([task for _, task in tasks]) if tasks else []
        except Exception as failure:  # for example, Spark gave up the job
            for one, _ in tasks:
                one.fail(failure)
            return
        done = [(one, task, report) for (one, task), report in zip(tasks, reports, strict=True)]
        for one, _, report in done:
            one.seconds += report.seconds
            one.run.client.usage.add(report.usage)
            one.run.client.usage.bytes += report.usage.bytes
            if report.error:
                one.fail(report.error)
        for name in {one.account.provider: None for one, _, _ in done}:
            self._load(name, [(one, task, report) for one, task, report in done if one.account.provider == name])

    def _task(
        self,
        one: _AccountRun,
        position: Position,
        columns: Mapping[str, Mapping[str, Any]],
        staging: str,
        seconds: float,
    ) -> AccountTask:
        """The task of an account, without credentials."""
        run, settings = one.run, one.settings
        private = private_names(type(settings))
        public = {name: getattr(settings, name) for name in settings.__struct_fields__ if name not in private}
        return AccountTask(
            one.account.provider,
            one.account.name,
            public,
            replace(run.source.privacy, key=b""),
            replace(run.request, resumes_at=run.tally.reached),
            position,
            run.started_at,
            run.kept_from,
            self._tables(one.account.provider).root,
            staging,
            columns,
            run.source.listing,
            self.secrets,
            seconds,
        )

    def _load(self, name: str, done: Sequence[tuple[_AccountRun, AccountTask, Report]]) -> None:
        """Merges what the tasks of a provider have staged. A failure fails the accounts that were merged together."""
        began = time.monotonic()
        by_task = {id(task): one for one, task, _ in done}
        succeeded: list[Staged] = [(task, report) for _, task, report in done if not report.error]
        for group in group_for_merge(pair for pair in succeeded if pair[1].loads):
            failure = self._try_load(name, group, by_task)
            if failure and len(group) > 1:  # one account may be the cause: merge each one alone
                for pair in group:
                    if failed := self._try_load(name, [pair], by_task):
                        by_task[id(pair[0])].fail(failed)
            elif failure:
                by_task[id(group[0][0])].fail(failure)
        for task, report in succeeded:
            one = by_task[id(task)]
            if one.error is None:
                one.seconds += time.monotonic() - began
                _add_report(one, report)

    def _try_load(self, name: str, group: Sequence[Staged], by_task: Mapping[int, _AccountRun]) -> Exception | None:
        """Merges what the tasks have staged; returns the failure, if any."""
        try:
            found = self._tables(name, group[0][0].listing).load(group, f"{time.time()}")
        except Exception as failure:
            return failure
        for task, _ in group:
            run = by_task[id(task)].run
            run.tally.rows[SYNC_PROBLEMS] += found.problems[task.account]
            for account, change in found.changes:
                if account == task.account:
                    run.add_new_column(change.table, change.column)
        return None

    def _hint(self, one: _AccountRun) -> None:
        """Adds a warning for an account without any fax."""
        if one.run.request.moves_cursor and not one.error:
            try:
                if text := hint(self._stored(one.run.source), one.run):
                    one.run.warnings.append(text)
            except Exception as failure:
                one.fail(failure)

    def _delete_expired(self, one: _AccountRun) -> None:
        """Deletes faxes older than `keep_days`, unless the run failed, is a backfill, or has no confirmed clock."""
        run = one.run
        if not run.kept_from or not run.request.moves_cursor or one.error:
            return
        if one.kept_from is None:
            run.warnings.append(NO_CLOCK)
            return
        try:
            held = self._all_tables(one.account.provider)
            run.purged, *_ = [delete_expired(tables, one.account.name, one.kept_from) for tables in held]
            self._delete_files({one.account.provider})
        except Exception as failure:
            one.fail(failure)

    def _compact(self, runs: Sequence[_AccountRun]) -> None:
        """Deletes redundant ledger rows, and joins small files. A failure fails all accounts of the ledger."""
        ledgers: dict[tuple[str, int], list[_AccountRun]] = {}
        for one in runs:
            ledgers.setdefault((one.account.provider, one.run.source.listing), []).append(one)
        for (name, listing), of_ledger in ledgers.items():
            try:
                held = self._tables(name, listing)
                compact_ledger(held, [one.run for one in of_ledger if not one.error])
                if any(one.run.loads for one in of_ledger):
                    compact_files(held, self.run_id, is_alone=bool(local_directory(self.output)))
            except Exception as failure:
                for one in of_ledger:
                    if not one.error:
                        one.fail(failure)

    def _delete_files(self, providers: Iterable[str]) -> None:
        if PrivacySettings.read().keep_days:
            for name in providers:
                for tables in self._all_tables(name):
                    delete_files(tables, is_alone=bool(local_directory(self.output)))

    def _write_sync_runs(self, runs: Sequence[_AccountRun]) -> None:
        """Writes a row of `sync_runs` for each run that wrote something, or failed."""
        rows: dict[str, list[Mapping[str, Any]]] = {}
        for one in runs:
            code = one.error.exit_code if one.error else 0
            if one.run.loads or one.run.purged or code:
                rows.setdefault(one.account.provider, []).append(sync_runs.run_row(one.run, code, one.seconds))
        for name, of_provider in rows.items():
            try:
                self._tables(name).write_sync_runs(of_provider)
            except Exception:  # the tables may be what failed; those errors are reported
                LOG.debug("the runs could not be written down", exc_info=True)

    def _tables(self, name: str, listing: int = 0) -> ProviderTables:
        return ProviderTables(self.output, SyncSettings.read().schema, name, _normalize, listing)

    def _all_tables(self, name: str) -> list[ProviderTables]:
        """The tables of each list of the provider."""
        return [self._tables(name, listing) for listing in range(len(Source(name).tables))]

    @contextmanager
    def _staging(self) -> Iterator[str]:
        """The URL of a new folder for the files of executors. The end of the block deletes it.

        Raises:
            ConfigError: the output is neither a path nor a supported URL.
        """
        try:
            filesystem, root = pafs.FileSystem.from_uri(self.output)
        except (ValueError, TypeError):
            raise ConfigError(
                "the place of the Delta tables must be a path or a URL such as s3://bucket/fax-lake"
            ) from None
        if local_directory(self.output):  # this run holds the lock of the directory
            _remove(filesystem, f"{root}/{_STAGING}")  # of a killed run
        place = f"{root}/{_STAGING}/{self.run_id}"
        try:
            yield f"{self.output}/{_STAGING}/{self.run_id}"
        finally:
            _remove(filesystem, place)


def create_lake_run(
    output: str, run_id: str, run_tasks: RunTasks, options: argparse.Namespace, secrets: str | None = None
) -> LakeRun:
    """The run with the options of a command line."""
    return LakeRun(
        output,
        run_id,
        run_tasks,
        secrets,
        options.max_runtime,
        options.since,
        options.until,
        options.refetch,
        options.full_refresh,
    )


_AccountRunKey = tuple[str, str]


def _key(one: _AccountRun) -> _AccountRunKey:
    return one.account.provider, one.account.name


def _add_report(one: _AccountRun, report: Report) -> None:
    """Adds the counts of a task, whose rows are merged, to the account's run."""
    run = one.run
    run.loads += len(report.loads)
    tally, more = run.tally, report.tally
    tally.add_faxes(more.new, more.changed, more.unchanged)
    tally.deleted += more.deleted
    tally.rows.update(more.rows)
    tally.windows += more.windows
    tally.reached = more.reached or tally.reached
    run.spans = [*run.spans[:1], *report.spans] if run.spans else report.spans
    run.warnings += [text for text in report.warnings if text not in run.warnings]
    run.is_first = run.is_first or report.is_first
    if report.rate is not None:
        run.client.pace.rate, run.client.pace.refusals = report.rate, 1
    run.balance = report.balance or run.balance
    one.finished, one.kept_from = report.finished, report.kept_from or one.kept_from
    if one.finished:
        if one.first_list:
            one.first_list.run.merge(run)
        try:
            require_proof(run)
        except FaxSyncError as error:
            one.fail(error)


def _to_fax_sync_error(account: Account, failure: BaseException) -> FaxSyncError:
    """The failure as a `FaxSyncError`, with advice if the provider's folder has some."""
    LOG.debug("%s failed", account, exc_info=failure)
    return advised(errors.to_fax_sync_error(failure) or always_fax_sync_error(failure), account)


@cache
def _naming() -> Any:
    return Schema("fax").naming


def _normalize(key: str) -> str:
    name: str = _naming().normalize_identifier(key)
    return name


def _remove(filesystem: Any, place: str) -> None:
    if filesystem.get_file_info(place).type == pafs.FileType.Directory:
        filesystem.delete_dir(place)
