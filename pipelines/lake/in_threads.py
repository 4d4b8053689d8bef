"""The tasks of a run in threads of this process, which has the settings of the accounts itself."""

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
    """What runs tasks of these accounts, `[sync] accounts_at_a_time` side by side, and gives their reports in order."""
    named = {(account.provider, account.name): account for account in accounts}

    def run_tasks(tasks: Sequence[AccountTask]) -> list[Report]:
        privacy, calls = PrivacySettings.read().handling(), []
        for task in tasks:
            account = named[task.provider, task.account]
            source = replace(account.source(account.settings(), privacy), listing=task.listing)
            calls.append(partial(run_task, task, source, partial(on_progress, str(account))))
        return [*in_parallel(calls, SyncSettings.read().accounts_at_a_time)]

    return run_tasks
