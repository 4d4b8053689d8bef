"""A fax whose creation time changes at the provider stays one row, in its last version."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import sources
from sources.fakes.server import Answer, Request
from tests.conftest import ServeFake, Settings, Sync, generated
from tests.support.faults.wire import asked_from, created_at
from tests.support.tiers import first_quick, quick_ones
from tests.support.warehouse.file_and_database import Warehouse
from tests.support.warehouse.oracle import assert_holds

every_provider = pytest.mark.parametrize("provider", sources.providers())


def printed(age: timedelta) -> str:
    return f"{datetime.now(UTC) - age:%Y-%m-%dT%H:%M:%SZ}"


def is_older(provider: str, record: dict[str, Any], days: float) -> bool:
    return datetime.fromisoformat(created_at(provider, record)) < datetime.now(UTC) - timedelta(days=days)


@pytest.mark.slow
@pytest.mark.parametrize("provider", quick_ones(sources.providers(), ["sinch"]))
@pytest.mark.parametrize("becomes_final", first_quick([True, False]))
def test_an_open_fax_that_moves_into_the_newest_window_is_updated(
    becomes_final: bool, provider: str, place: Warehouse, serve_fake: ServeFake, sync: Sync
) -> None:
    served = serve_fake(provider, generated(provider, 60, days=20, open_from=datetime.now(UTC) - timedelta(days=15)))
    assert sync().exit_code == 0
    moved = next(id for id in served.fake.open_ids() if is_older(provider, served.fake.records[id], days=6))
    if becomes_final:
        served.fake.settle_one(moved)
    served.fake.change(moved, created_at=printed(timedelta(minutes=10)))
    synced = sync()

    assert (synced.exit_code, synced.accounts[provider]["new"]) == (0, 0)
    assert synced.accounts[provider]["changed"] >= 1
    assert_holds(place, provider, served.fake.truth())
    assert sync().exit_code == 0
    assert_holds(place, provider, served.fake.truth())


@pytest.mark.slow
@every_provider
def test_a_fax_that_moves_from_a_read_window_into_an_unread_one_stays_one_row(
    provider: str, place: Warehouse, serve_fake: ServeFake, sync: Sync, settings: Settings
) -> None:
    settings["SOURCES__CONNECTIONS"] = "1"
    served = serve_fake(provider, generated(provider, 26_000 if provider == "phaxio" else 200, days=380))
    honest = served.server.answer
    oldest = min(served.fake.records, key=lambda id: created_at(provider, served.fake.records[id]))

    moved: list[Any] = []

    def answer(request: Request) -> Answer:
        if not moved and printed(timedelta(days=350)) < asked_from(request) < printed(timedelta(days=100)):
            moved.append(oldest)
            served.fake.change(oldest, created_at=printed(timedelta(minutes=10)))
        return honest(request)

    served.server.answer = answer
    synced = sync()

    assert (synced.exit_code, moved) == (0, [oldest])
    assert_holds(place, provider, served.fake.truth())
