"""Runs the tasks of accounts in threads of this process."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from pipelines.config.accounts import Account
from pipelines.config.settings import PrivacySettings, SyncSettings
from pipelines.lake.account_task import AccountTask, Report, run_task
from sources.extract.background_call import in_parallel
from sources.load.run import Run


def in_threads(
    accounts: Sequence[Account], on_progress: Callable[[str, Run], None]
) -> Callable[[Sequence[AccountTask]], list[Report]]:
    """A function that runs tasks of these accounts, `[sync] accounts_at_a_time` in parallel; it returns the reports."""
    named = {(account.provider, account.name): account for account in accounts}

    def run_tasks(tasks: Sequence[AccountTask]) -> list[Report]:
        privacy, calls = PrivacySettings.read().handling(), []
        running: dict[str, Run] = {}

        def note(name: str, run: Run) -> None:
            running[name] = run
            on_progress(name, run)

        for task in tasks:
            account = named[task.provider, task.account]
            source = replace(account.source(account.settings(), privacy), listing=task.listing)
            calls.append(partial(run_task, task, source, partial(note, str(account))))
        try:
            return [*in_parallel(calls, SyncSettings.read().accounts_at_a_time)]
        except BaseException:  # a signal: the threads must make no more requests
            for run in running.values():
                run.stop.requested = True
                run.client.close()
            raise

    return run_tasks
