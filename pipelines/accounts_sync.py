"""The syncs of all accounts: side by side up to their loads, which come one after the other."""

import time
from collections import deque
from collections.abc import Sequence
from contextlib import ExitStack
from queue import SimpleQueue
from threading import Thread

from pipelines.account_sync import AccountSync, Sync
from pipelines.cli.summary import Outcome
from pipelines.config.accounts import Account
from pipelines.config.destination import destination_type
from pipelines.config.settings import SyncSettings
from pipelines.outcome import signals
from pipelines.warehouse.load import Warehouses

_ENDING_SECONDS = 5  # for what was begun to end after a signal; its locks end with the process


def sync_accounts(accounts: Sequence[Account], sync: Sync) -> list[Outcome]:
    """How the sync of each account ended, in their order. A signal keeps those that it finds waiting from being begun.

    Into a database server, so many accounts at a time open their warehouse and read until they find something new as
    `[sync] accounts_at_a_time` says. Into a file it is one: it has one lock.
    """
    outcomes: dict[Account, Outcome] = {}
    with ExitStack() as stack:
        slots = [Warehouses(sync.schema) for _ in range(min(SyncSettings.read().accounts_at_a_time, len(accounts)))]
        for slot in slots:
            stack.callback(slot.close)
        if len(slots) > 1 and destination_type() == "postgres":
            _side_by_side(deque(accounts), slots, sync, outcomes)
        for account in accounts:
            if account not in outcomes:
                stopped = signals.received()
                outcomes[account] = (
                    _not_begun(account, stopped) if stopped else AccountSync(account, slots[0], sync).begin().finish()
                )
    return [outcomes[account] for account in accounts]


def _side_by_side(
    waiting: deque[Account], slots: Sequence[Warehouses], sync: Sync, outcomes: dict[Account, Outcome]
) -> None:
    """Syncs accounts until all have their outcome, or a signal has come."""
    idle, under_way = deque(slots), dict[AccountSync, Warehouses]()
    begun: SimpleQueue[AccountSync] = SimpleQueue()
    try:
        while waiting or under_way:
            while waiting and idle:
                slot = idle.popleft()
                one = AccountSync(waiting.popleft(), slot, sync)
                under_way[one] = slot
                Thread(target=lambda one=one: begun.put(one.begin()), daemon=True).start()
            with signals.waiting():
                one = begun.get()
            outcomes[one.account] = one.finish()
            idle.append(under_way.pop(one))
            signals.raise_if_received()
    except signals.Stopped as stopped:
        for one in under_way:
            one.stop(stopped)
        deadline = time.monotonic() + _ENDING_SECONDS
        for one in under_way:
            one.has_begun.wait(max(0, deadline - time.monotonic()))
            outcomes[one.account] = _not_begun(one.account, stopped) if one.abandon() else one.finish()


def _not_begun(account: Account, stopped: signals.Stopped) -> Outcome:
    return Outcome(account, None, 0.0, signals.Interrupted(f"not begun: {stopped.name}", stopped.number))
