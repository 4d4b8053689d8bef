"""The rounds of a run: each has one task for each account, and merges what the tasks have staged.

One task at a time reads an account, so that its rate limit holds. A round is merged before the next one, so a killed
run continues after its last round.
"""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pipelines.config.accounts import Account
from pipelines.lake.account_task import AccountTask, Report
from pipelines.lake.dropped_tables import require_tables
from pipelines.lake.loading import Staged, group_for_merge
from pipelines.lake.syncing.account_run import AccountRun, by_list
from pipelines.lake.syncing.lake import Lake
from pipelines.lake.tables import positions
from pipelines.outcome import signals
from pipelines.outcome.account_ending import kept
from sources.errors import Paused
from sources.load.ledger import SYNC_PROBLEMS
from sources.load.plan import Position
from sources.spark.executor_settings import private_names

RunTasks = Callable[[Sequence[AccountTask]], Sequence[Report]]


@dataclass(frozen=True)
class Rounds:
    """The rounds into `lake`, until the `deadline` in seconds of the monotonic clock.

    `staging` is the URL of the folder for files. `run_tasks` runs tasks in parallel and returns their reports in the
    same order. `secrets`, as `module:function`, names the function that gives the credentials to executors.
    """

    lake: Lake
    staging: str
    run_tasks: RunTasks
    secrets: str | None
    deadline: float

    def run_next(self, waiting: Sequence[AccountRun]) -> None:
        """Runs one task for each account, those with the most faxes first, and merges what they have staged."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            for one in waiting:
                one.fail(Paused(f"paused by --max-runtime: {kept(one.run)}"))
            return
        tasks = self._tasks(waiting, left)
        done = [one for one in waiting if one.account in tasks]
        try:
            with signals.waiting():
                reports = dict(zip(tasks, self.run_tasks([*tasks.values()]) if tasks else (), strict=True))
        except Exception as failure:  # for example, Spark gave up the job
            for one in done:
                one.fail(failure)
            return
        for one in done:
            one.note_task(reports[one.account])
        for of_list in by_list(one for one in done if not one.error):
            self._load(of_list, tasks, reports)

    def _tasks(self, waiting: Sequence[AccountRun], seconds: float) -> dict[Account, AccountTask]:
        """The tasks by account, the one with the most faxes first. Where a table cannot be read, the accounts fail."""
        tasks: dict[Account, AccountTask] = {}
        sizes: dict[Account, float] = {}
        for of_list in by_list(waiting):
            source = of_list[0].run.source
            try:
                held = self.lake.tables(source.provider, source.listing)
                read, columns, faxes = positions(held.root, held.table), held.columns(), held.fax_counts()
                if read or held.table.ledger in columns:
                    require_tables(held, columns, of_list[0].run.request.full_refresh)
            except Exception as failure:  # `fail` tells it as the error of each account
                for one in of_list:
                    one.fail(failure)
                continue
            for one in of_list:
                name = one.account.name
                sizes[one.account] = faxes.get(name, math.inf)  # a first run reads the whole history
                tasks[one.account] = self._task(one, read.get(name, Position()), columns, seconds)
        return {account: tasks[account] for account in sorted(tasks, key=lambda account: -sizes[account])}

    def _task(
        self, one: AccountRun, position: Position, columns: Mapping[str, Mapping[str, Any]], seconds: float
    ) -> AccountTask:
        """The task of an account, without credentials."""
        run, settings = one.run, one.run.source.settings
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
            self.lake.tables(one.account.provider).root,
            self.staging,
            columns,
            run.source.listing,
            self.secrets,
            seconds,
        )

    def _load(
        self, of_list: Sequence[AccountRun], tasks: Mapping[Account, AccountTask], reports: Mapping[Account, Report]
    ) -> None:
        """Merges what the tasks of a list have staged."""
        began = time.monotonic()
        runs = {one.account.name: one for one in of_list}
        staged = [(tasks[one.account], reports[one.account]) for one in of_list]
        for group in group_for_merge(pair for pair in staged if pair[1].loads):
            self._merge(group, runs)
        for one in of_list:
            if one.error is None:
                one.add_seconds(time.monotonic() - began)
                one.add_loaded(reports[one.account])

    def _merge(self, group: Sequence[Staged], runs: Mapping[str, AccountRun]) -> None:
        """Merges what the tasks have staged, all together; each account alone if that fails, because one may be why."""
        first = group[0][0]
        try:
            found = self.lake.tables(first.provider, first.listing).load(group, f"{time.time()}")
        except Exception as failure:  # `fail` tells it as the error of the account
            if len(group) == 1:
                runs[first.account].fail(failure)
                return
            for pair in group:
                self._merge([pair], runs)
            return
        for task, _ in group:
            run = runs[task.account].run
            run.tally.rows[SYNC_PROBLEMS] += found.problems[task.account]
            for account, change in found.changes:
                if account == task.account:
                    run.add_new_column(change.table, change.column)
