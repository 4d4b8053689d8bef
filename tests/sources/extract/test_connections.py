"""Concurrent requests: never more than `connections`, one pause for all, and the same rows."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import sources
from sources.errors import ProviderDown
from sources.fakes.server import Answer, FakeServer, Request, json_answer
from sources.http.client import Client
from sources.http.limits import Limits
from sources.http.pace import Pace
from tests.conftest import Served, ServeFake, Settings, Sync, generated
from tests.support.clock import Clock
from tests.support.faults.wire import asked_from
from tests.support.tiers import in_turns, quick_ones
from tests.support.warehouse.oracle import assert_holds

every_provider = pytest.mark.parametrize(
    "provider",
    # a provider that gives totals has windows of thousands of faxes; filling several takes time
    [pytest.param(name, marks=pytest.mark.slow if name == "phaxio" else ()) for name in sources.providers()],
)


class ConcurrencyMeter:
    """Counts the requests that the server answers at the same time. Each takes 20 ms."""

    def __init__(self, served: Served) -> None:
        self.open = self.most = 0
        self.lock = threading.Lock()
        self.honest: Callable[[Request], Answer] = served.server.answer
        served.server.answer = self.answer

    def answer(self, request: Request) -> Answer:
        with self.lock:
            self.open += 1
            self.most = max(self.most, self.open)
        time.sleep(0.02)
        try:
            return self.honest(request)
        finally:
            with self.lock:
                self.open -= 1


IN_TURNS = in_turns([3, 3, 1], sources.providers())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("provider", "connections"), quick_ones(IN_TURNS, [case for case in IN_TURNS if case[0] != "phaxio"])
)
def test_no_more_requests_run_at_the_same_time_than_connections(
    connections: int,
    provider: str,
    serve_fake: ServeFake,
    sync: Sync,
    settings: Settings,
    warehouse: Path,
) -> None:
    served = serve_fake(provider, generated(provider, 26_000 if provider == "phaxio" else 60, days=900))
    settings["SOURCES__CONNECTIONS"] = str(connections)
    meter = ConcurrencyMeter(served)

    assert sync().exit_code == 0
    assert meter.most == connections
    assert_holds(warehouse, provider, served.fake.truth())


@pytest.mark.slow
@pytest.mark.parametrize("connections", [1, 3])
def test_pages_are_fetched_concurrently_once_the_total_is_known(
    connections: int, serve_fake: ServeFake, sync: Sync, settings: Settings, warehouse: Path
) -> None:
    served = serve_fake("phaxio", generated("phaxio", 1_100, days=20), page_cap="200")
    settings["SOURCES__CONNECTIONS"] = str(connections)
    meter = ConcurrencyMeter(served)

    assert sync().exit_code == 0
    assert meter.most == connections
    assert sorted(request.query["page"] for request in served.server.requests) == ["1", "2", "3", "4", "5", "6"]
    assert_holds(warehouse, "phaxio", served.fake.truth())


def test_a_retry_after_pauses_all_requests(server: FakeServer) -> None:
    slept: list[float] = []
    told = threading.Event()

    def answer(request: Request) -> Answer:
        if request.number == 0:
            told.set()
            return Answer(503, headers={"Retry-After": "7"})
        return json_answer({"fine": True})

    server.answer = answer
    paused = threading.Event()

    def sleep(seconds: float) -> None:
        slept.append(round(seconds))
        paused.set()
        if threading.current_thread() is not threading.main_thread():
            time.sleep(0.3)

    client = Client(server.url, ("user", "key"), "Phaxio", Limits(), sleep=sleep)
    first = threading.Thread(target=client.get, args=("faxes",))
    first.start()
    assert paused.wait(5)
    client.get("faxes")
    first.join()

    assert slept == [7, 7]


def test_requests_per_second_spaces_requests() -> None:
    clock = Clock()
    pace = Pace(4.0, 1, clock)
    for _ in range(3):
        with pace.reserve_slot(clock.sleep, heeds_pause=True):
            pass

    assert clock.slept == [0.25, 0.25]


def test_closing_the_client_ends_waits_and_requests(server: FakeServer) -> None:
    server.answer = lambda request: Answer(503, headers={"Retry-After": "60"})
    client = Client(server.url, ("user", "key"), "Phaxio", Limits())
    failed: list[Exception] = []

    def ask() -> None:
        try:
            client.get("faxes")
        except Exception as error:
            failed.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    while not server.requests:
        time.sleep(0.01)
    client.close()
    asking.join(5)

    assert (asking.is_alive(), len(failed), len(server.requests)) == (False, 1, 1)


@pytest.mark.slow
@every_provider
def test_an_error_in_a_later_window_keeps_the_windows_before_it(
    provider: str, serve_fake: ServeFake, sync: Sync, settings: Settings, warehouse: Path
) -> None:
    served = serve_fake(provider, generated(provider, 26_000 if provider == "phaxio" else 60, days=380))
    settings |= {"SYNC__ROWS_PER_LOAD": "1", "SOURCES__RETRY_SECONDS": "0"}
    honest = served.server.answer
    halfway = f"{datetime.now(UTC) - timedelta(days=190):%Y-%m-%d}"

    def answer(request: Request) -> Answer:
        return honest(request) if asked_from(request) < halfway else Answer(503)

    served.server.answer = answer
    first = sync()

    assert (first.exit_code, first.accounts[provider]["reached"] is not None) == (75, True)
    reached = datetime.fromisoformat(first.accounts[provider]["reached"])
    assert datetime.now(UTC) - timedelta(days=380) < reached < datetime.now(UTC)

    served.server.answer = honest
    assert sync().exit_code == 0
    assert_holds(warehouse, provider, served.fake.truth())


def test_the_error_is_that_of_the_provider_not_of_closing_the_client(server: FakeServer) -> None:
    server.answer = lambda request: Answer(503)
    client = Client(server.url, ("user", "key"), "Phaxio", Limits(retry_seconds=0))

    with pytest.raises(ProviderDown):
        client.get("faxes")
