"""The sync of all accounts into Delta tables: rounds for the first list of each account, then for each further one."""

import argparse
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from pipelines.config.accounts import Account
from pipelines.config.run_request import run_request
from pipelines.config.settings import PrivacySettings
from pipelines.lake.place import locked
from pipelines.lake.syncing import maintenance
from pipelines.lake.syncing.account_run import AccountRun, to_fax_sync_error
from pipelines.lake.syncing.lake import Lake
from pipelines.lake.syncing.rounds import Rounds, RunTasks
from pipelines.outcome import signals
from pipelines.outcome.account_ending import interrupted
from pipelines.outcome.account_outcome import Outcome
from sources.errors import AtWork
from sources.extract.stop import Stop
from sources.load.run import Run
from sources.window import whole_second


@dataclass(frozen=True)
class LakeRun:
    """A sync into the Delta tables below `output`, a URL, with the options of a command line.

    `run_tasks` and `secrets` are those of its `Rounds`.
    """

    output: str
    run_id: str
    options: argparse.Namespace
    run_tasks: RunTasks
    secrets: str | None = None

    def sync(self, accounts: Sequence[Account]) -> list[Outcome]:
        """The outcome of each account, in their order, also after a signal, or if another run is at work."""
        began, lake = time.monotonic(), Lake(self.output)
        try:
            with locked(self.output), lake.staging(self.run_id) as staging:
                rounds = Rounds(lake, staging, self.run_tasks, self.secrets, began + 60 * self.options.max_runtime)
                outcomes = self._sync(accounts, rounds, began)
        except AtWork as at_work:
            outcomes = {account: Outcome(account, None, 0.0, at_work) for account in accounts}
        return [outcomes[account] for account in accounts]

    def _sync(self, accounts: Sequence[Account], rounds: Rounds, began: float) -> dict[Account, Outcome]:
        lake = rounds.lake
        with suppress(Exception):  # an account's run will report the same failure
            maintenance.delete_files_of_expired(lake, {account.provider for account in accounts})  # of a killed run
        runs: list[AccountRun] = []
        refused: dict[Account, Outcome] = {}
        current, all_runs = runs, list[AccountRun]()
        try:
            with signals.gently(Stop()):  # a signal must not interrupt a merge
                for account in accounts:
                    try:
                        runs.append(self._create_run(account, lake))
                    except Exception as failure:  # is the outcome of this account alone
                        refused[account] = Outcome(account, None, 0.0, to_fax_sync_error(account, failure))
                while current:
                    while waiting := [one for one in current if not one.finished]:
                        signals.raise_if_received()
                        rounds.run_next(waiting)
                    all_runs += current
                    current = [further for one in current if not one.error for further in _next_list(one, lake)]
                for one in runs:
                    maintenance.add_hint(lake, one)
                    maintenance.delete_expired_faxes(lake, one)
                maintenance.compact(lake, self.run_id, all_runs)
        except signals.Stopped as stopped:
            for one in current:
                if not one.error and (not one.finished or one.run.source.further_lists()):
                    one.fail(interrupted(stopped, one.run) or stopped)
        with signals.deferred():
            maintenance.write_sync_runs(lake, runs, time.monotonic() - began)
        return {one.account: Outcome(one.account, one.run, one.seconds, one.error) for one in runs} | refused

    def _create_run(self, account: Account, lake: Lake) -> AccountRun:
        """The run of an account's first list, which has made no request yet."""
        settings, privacy = account.settings(), PrivacySettings.read()
        source = account.source(settings, privacy.handling())
        request = run_request(self.options, self.run_id, settings.horizon(source.api.EARLIEST))
        now = whole_second(datetime.now(UTC))
        run = Run(request, source, source.connect(), lake.stored(source), now, privacy.kept_from(now))
        return AccountRun(account, run)


def _next_list(one: AccountRun, lake: Lake) -> list[AccountRun]:
    """The run of the account's next list, if there is one."""
    return [
        AccountRun(one.account, one.run.for_list(source, lake.stored(source)), first_list=one.first_list or one)
        for source in one.run.source.further_lists()[:1]
    ]
