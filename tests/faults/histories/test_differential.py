"""One history, synced in three ways into two warehouses: all hold the same, value by value.

Every way begins with a run over the account as it was, for what is deleted before anybody has read it is not known.
The two ways with a run for each event take turns between the warehouses, provider by provider; `--every-case` has all.
"""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import sources
from sources.fakes.server import serve
from tests.conftest import Settings, generated
from tests.faults.conftest import more
from tests.support.commands.in_process import run_once
from tests.support.commands.process import started
from tests.support.credentials import CREDENTIALS
from tests.support.environment import settings_of
from tests.support.every_list import EVERY_LIST
from tests.support.faults.wire import cost
from tests.support.servers.postgres import Server
from tests.support.warehouse.dump import Dump, dump
from tests.support.warehouse.file_and_database import KINDS, Database, File, Warehouse
from tests.support.warehouse.oracle import assert_holds_account

Event = Callable[[Any], Any]
NORMALIZED = "*/load/normalized/*"
KILLS = (  # where the runs are killed, in turn, as their working directory shows it
    "*/normalize/*/*/new_jobs/*.parquet",
    f"{NORMALIZED}/started_jobs/*",
    f"{NORMALIZED}/completed_jobs/fax*.parquet",
    f"{NORMALIZED}/started_jobs/fax*.sql",
    f"{NORMALIZED}/completed_jobs/fax*.sql",
    "*/load/loaded/*",
)


WAYS = ("one run at the end", "one run for each event", "a run killed before each run")


def history(provider: str) -> tuple[list[Any], list[Event]]:
    """The faxes of an account, and what happens to it then."""
    first = generated(provider, 80, days=2.5)
    gone = [fax["id"] for fax in first[-40:]]

    def add(seed: int) -> Event:
        faxes = more(provider, 12, seed=seed)
        return lambda fake: fake.add(*faxes)

    def change(which: int) -> Event:
        return lambda fake: fake.change(gone[which], error_message=f"changed at {which}", **cost(provider, which))

    def settle(share: int) -> Event:
        return lambda fake: [fake.settle_one(id) for id in fake.open_ids()[::share]]

    def delete(which: int) -> Event:
        def event(fake: Any) -> None:
            fake.settle_one(gone[which])
            fake.delete(gone[which])

        return event

    deletions = [delete(11), delete(12)] if provider == "signalwire" else [change(11), change(12)]
    return first, [add(21), settle(2), *deletions, add(22), change(20), settle(1)]


@contextmanager
def account(provider: str, first: list[Any], now: datetime) -> Iterator[tuple[Any, Settings]]:
    """The account as it was, served, and the settings that lead there."""
    fake = import_module(f"sources.{provider}.fake").Fake(
        first, now=lambda: now, **CREDENTIALS[provider] | EVERY_LIST.get(provider, {})
    )
    with serve(fake.answer) as server:
        yield fake, settings_of(provider, fake, server.url)


def kill(settings: Settings, scratch: Path, pattern: str, warehouse: Warehouse) -> None:
    with started(settings, scratch) as process:
        process.wait_for(lambda: process.has(pattern))
        process.end(signal.SIGKILL)
    warehouse.is_there()


def live(
    provider: str, fake: Any, events: list[Event], settings: Settings, way: str, warehouse: Warehouse, scratch: Path
) -> None:
    run_once(provider, settings)
    for number, event in enumerate(events):
        event(fake)
        if way == "a run killed before each run":
            kill(settings, scratch, KILLS[number % len(KILLS)], warehouse)
        if way != "one run at the end":
            run_once(provider, settings)
    run_once(provider, settings)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("provider", sources.providers())
def test_one_history_comes_to_the_same_in_any_way_and_anywhere(
    provider: str, settings: Settings, tmp_path: Path, postgres: Server, pytestconfig: pytest.Config
) -> None:
    first, events = history(provider)
    now = datetime.now(UTC)
    dumps: dict[str, Dump] = {}
    for turn, way in enumerate(WAYS, sources.providers().index(provider)):
        for other, kind in enumerate(KINDS):
            if way != WAYS[0] and (turn + other) % 2 and not pytestconfig.option.every_case:
                continue
            place = f"{kind}, {way}"
            warehouse = (
                File(tmp_path / f"{len(dumps)}.duckdb") if kind == "duckdb" else Database(postgres, postgres.create())
            )
            with account(provider, first, now) as (fake, own):
                live(
                    provider, fake, events, settings | warehouse.settings() | own, way, warehouse, tmp_path / "scratch"
                )
                assert_holds_account(warehouse, provider, fake)
            dumps[place] = dump(warehouse, provider)
    expected = dumps.pop("duckdb, one run at the end")
    for place, told in dumps.items():
        for name, rows in expected.items():
            assert rows == told[name], f"{name} of {place}"
