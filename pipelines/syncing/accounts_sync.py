"""The sync of all accounts: several read at the same time; those that are ready load together."""

import logging
import time
from collections import defaultdict, deque
from collections.abc import Sequence
from contextlib import ExitStack
from queue import Empty, SimpleQueue
from threading import Thread

from pipelines.config.accounts import Account
from pipelines.config.destination import delta_url, destination_type
from pipelines.config.settings import SyncSettings
from pipelines.outcome import signals
from pipelines.outcome.account_outcome import Outcome
from pipelines.outcome.unforeseen import always_fax_sync_error
from pipelines.syncing.account_sync import AccountSync, Sync
from pipelines.syncing.list_sync import load_together
from pipelines.warehouse.load import Warehouses
from pipelines.warehouse.working_directory import remove_dead
from sources.errors import ConfigError
from sources.extract.stop import Stop

LOG = logging.getLogger("fax-sync")
_WAIT_SECONDS = 0.3  # for other accounts to load with: about the time of a small load
_MOST_TOGETHER = 16  # accounts in one load; each may have some thousand faxes in memory
_SHUTDOWN_SECONDS = 5  # that running syncs have to end after a signal; the process releases their locks


def sync_accounts(accounts: Sequence[Account], sync: Sync) -> list[Outcome]:
    """The outcome of each account's sync, in the order of the accounts. After a signal, no further sync begins.

    With PostgreSQL, `[sync] accounts_at_a_time` accounts read at the same time, and load together if they can. With a
    DuckDB file it is one account, because the file has one lock. With Delta tables, all accounts are one run.
    """
    if output := delta_url():
        return _sync_into_delta_tables(output, accounts, sync)
    outcomes: dict[Account, Outcome] = {}
    with ExitStack() as stack:
        slots = [Warehouses(sync.schema) for _ in range(min(SyncSettings.read().accounts_at_a_time, len(accounts)))]
        for slot in slots:
            stack.callback(slot.close)
        if len(slots) > 1 and destination_type() == "postgres":
            _sync_concurrently(deque(accounts), slots, sync, outcomes)
        for account in accounts:
            if account not in outcomes:
                stopped = signals.received()
                outcomes[account] = (
                    _not_started(account, stopped) if stopped else AccountSync(account, slots[0], sync).begin().finish()
                )
    return [outcomes[account] for account in accounts]


def _sync_into_delta_tables(output: str, accounts: Sequence[Account], sync: Sync) -> list[Outcome]:
    try:
        from pipelines.lake.syncing.accounts_run import LakeRun  # noqa: PLC0415  # an optional extra
        from pipelines.lake.syncing.in_threads import in_threads  # noqa: PLC0415  # as above
    except ModuleNotFoundError as missing:
        raise ConfigError(f"{missing.name} is not installed: uv sync --extra delta, see docs/files.md") from None
    remove_dead()  # this run has no working directory, but a driver of Spark that was killed had one
    return LakeRun(output, sync.run_id, sync.options, in_threads(accounts, sync.on_progress)).sync(accounts)


def _sync_concurrently(
    waiting: deque[Account], slots: Sequence[Warehouses], sync: Sync, outcomes: dict[Account, Outcome]
) -> None:
    """Syncs the waiting accounts concurrently, and sets their `outcomes`. A signal stops the running syncs."""
    idle, running = deque(slots), dict[AccountSync, Warehouses]()
    ready: SimpleQueue[AccountSync] = SimpleQueue()

    def begin_waiting() -> None:
        while waiting and idle:
            slot = idle.popleft()
            started = AccountSync(waiting.popleft(), slot, sync)
            running[started] = slot
            Thread(target=lambda started=started: ready.put(started.begin()), daemon=True).start()

    try:
        begin_waiting()
        while running:
            begun = _next_begun(ready, len(running))
            begun = [each for each in running if each in begun]  # in the order of the accounts
            _load_those_in_memory(begun)
            for each in sorted(begun, key=lambda each: not each.lists_in_memory):  # others may go on for hours
                outcomes[each.account] = each.finish()
                idle.append(running.pop(each))
                signals.raise_if_received()
                begin_waiting()
    except signals.Stopped as stopped:
        for account_sync in running:
            account_sync.stop(stopped)
        deadline = time.monotonic() + _SHUTDOWN_SECONDS
        for account_sync in running:
            account_sync.begin_has_ended.wait(max(0, deadline - time.monotonic()))
            is_abandoned = account_sync.abandon()
            outcomes[account_sync.account] = (
                _not_started(account_sync.account, stopped) if is_abandoned else account_sync.finish()
            )


def _next_begun(ready: SimpleQueue[AccountSync], running: int) -> list[AccountSync]:
    """The next account that has begun; if it has something to load, with those that begin soon after it."""
    with signals.waiting():
        begun = [ready.get()]
        until = time.monotonic() + _WAIT_SECONDS
        while begun[0].lists_in_memory and len(begun) < running:
            try:
                begun.append(ready.get(timeout=max(0.0, until - time.monotonic())))
            except Empty:
                break
    return begun


def _load_those_in_memory(begun: Sequence[AccountSync]) -> None:
    """Makes one load of the accounts of a provider that have read everything: most of the time of a load is dlt's own.

    If it fails, they begin again, and each loads alone: the reason may be one account's.
    """
    joinable = defaultdict[tuple[str, ...], list[AccountSync]](list)
    for each in begun:
        if each.lists_in_memory:
            joinable[each.account.provider, *(of.run.source.table.name for of in each.lists_in_memory)].append(each)
    for alike in joinable.values():
        for start in range(0, len(alike), _MOST_TOGETHER):
            if len(accounts := alike[start : start + _MOST_TOGETHER]) > 1:
                _load_in_one_package(accounts)


def _load_in_one_package(accounts: Sequence[AccountSync]) -> None:
    try:
        with signals.gently(Stop()):  # the load takes little time
            load_together([each.lists_in_memory for each in accounts])
    except Exception as failure:
        LOG.debug("loading together failed", exc_info=True)
        names, reason = ", ".join(str(each.account) for each in accounts), always_fax_sync_error(failure)
        LOG.warning("%s could not be loaded together, and are loaded one by one: %s", names, reason)
        for each in accounts:
            each.begin_again()
    else:
        for each in accounts:
            each.request_balance()


def _not_started(account: Account, stopped: signals.Stopped) -> Outcome:
    return Outcome(account, None, 0.0, signals.Interrupted(stopped, "not started"))
