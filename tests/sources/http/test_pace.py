"""A provider that limits the rate: asked slower after each refusal, faster again step by step, and read to the end."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

import pytest

from sources.errors import ProviderDown
from sources.fakes.server import Answer, FakeServer, Request, json_answer
from sources.http.client import Client
from sources.http.limits import DEFAULT_LIMITS, Limits
from sources.http.pace import STEP_ANSWERS, Pace
from tests.conftest import ServeFake, Settings, Sync, generated
from tests.support.clock import Clock
from tests.support.commands.in_process import Time, run_once
from tests.support.warehouse.oracle import assert_holds

PAST = "Sun, 01 Nov 2020 12:00:00 GMT"
FINE = json_answer({"fine": True})


@dataclass
class Limiter:
    """A provider that answers one request in `interval` seconds of the clock, and refuses those before that."""

    clock: Clock
    honest: Callable[[Request], Answer]
    interval: float = 1.0
    headers: dict[str, str] = field(default_factory=dict)
    served: int = 0
    refused: int = 0

    def __post_init__(self) -> None:
        self._free_at, self._lock = 0.0, Lock()

    def answer(self, request: Request) -> Answer:
        with self._lock:
            if self.clock() < self._free_at:
                self.refused += 1
                return Answer(429, headers=self.headers)
            self._free_at = self.clock() + self.interval
            self.served += 1
        return self.honest(request)


def client(server: FakeServer, clock: Clock, limits: Limits = DEFAULT_LIMITS) -> Client:
    return Client(server.url, ("user", "key"), "Someone", limits, sleep=clock.sleep, clock=clock)


def taking_turns(pace: Pace, clock: Clock, count: int) -> float:
    """The seconds that so many answered requests take, one after the other."""
    began = clock()
    for _ in range(count):
        with pace.reserve_slot(clock.sleep, heeds_pause=True):
            pass
        pace.speed_up()
    return clock() - began


@pytest.mark.slow
@pytest.mark.parametrize("headers", [{}, {"Retry-After": "1"}, {"RateLimit-Reset": "1"}], ids=str)
def test_a_backfill_of_200_pages_is_complete_and_hardly_ever_refused(
    headers: dict[str, str], serve_fake: ServeFake, settings: Settings, warehouse: Path
) -> None:
    served, clock = serve_fake("phaxio", generated("phaxio", 4_000, days=300)), Clock()
    honest = served.server.answer

    def twenty_a_page(request: Request) -> Answer:
        request.query["per_page"] = "20"
        return honest(request)

    limiter = Limiter(clock, twenty_a_page, headers=headers)
    served.server.answer = limiter.answer
    run = run_once("phaxio", settings, Time(clock=clock), limits=Limits(retry_seconds=10))

    assert_holds(warehouse, "phaxio", served.fake.truth())
    assert limiter.served >= 200
    assert limiter.refused < 0.05 * (limiter.served + limiter.refused)
    assert run.pace is not None


@pytest.mark.parametrize("interval", [1.0, 0.1, 3.0])
def test_requests_come_about_as_fast_as_is_allowed(interval: float, server: FakeServer) -> None:
    clock = Clock()
    limiter = Limiter(clock, lambda request: FINE, interval)
    server.answer = limiter.answer
    asking = client(server, clock, Limits(retry_seconds=30))
    for _ in range(600):
        asking.get("faxes")

    assert limiter.refused < 0.05 * 600
    assert asking.pace.rate > 0.4 / interval


def test_after_a_refusal_one_connection_is_left_and_more_as_the_rate_rises() -> None:
    clock = Clock()
    pace = Pace(0, 4, clock)
    free, told = pace.connections, []
    pace.slow_down(0, None)
    for _ in range(4):
        told.append((pace.connections, pace.rate))
        taking_turns(pace, clock, 4 * STEP_ANSWERS)

    assert (free, told) == (4, [(1, 1.0), (2, 2.0), (3, 3.0), (4, 4.0)])


def test_another_refusal_halves_the_rate_and_those_under_way_together_count_once() -> None:
    pace, rates = Pace(0, 4, Clock()), []
    for began_after in (0, 0, 0, 1, 1, 2):
        pace.slow_down(began_after, None)
        rates.append(pace.rate)

    assert rates == [1.0, 1.0, 1.0, 0.5, 0.5, 0.25]


@pytest.mark.parametrize(("told", "seconds"), [(None, 1), (0.0, 1), (0.5, 1), (3.0, 3), (60.0, 5)])
def test_the_pause_that_was_asked_for_is_the_distance_afterwards(told: float | None, seconds: float) -> None:
    clock = Clock()
    pace = Pace(0, 4, clock)
    pace.slow_down(0, told)

    assert taking_turns(pace, clock, 3) == pytest.approx(3 * seconds)


def test_a_configured_rate_is_never_exceeded() -> None:
    clock = Clock()
    pace = Pace(2.0, 4, clock)
    pace.slow_down(0, None)
    taking_turns(pace, clock, 50 * STEP_ANSWERS)

    assert pace.rate == 2.0


def test_what_is_waited_for_a_limit_is_not_spent_while_pages_come(server: FakeServer) -> None:
    clock = Clock()
    server.answer = lambda request: Answer(429, headers={"Retry-After": "8"}) if request.number % 2 else FINE
    asking = client(server, clock, Limits(retry_seconds=10))
    for _ in range(10):
        asking.get("faxes")

    assert asking.usage.retry_seconds == 0


@pytest.mark.parametrize("headers", [{}, {"Retry-After": "2"}, {"Retry-After": PAST}], ids=str)
def test_a_limit_that_lets_no_page_through_is_left_when_patience_ends(
    headers: dict[str, str], server: FakeServer
) -> None:
    clock = Clock()
    server.answer = lambda request: Answer(429, headers=headers)
    with pytest.raises(ProviderDown):
        client(server, clock, Limits(retry_seconds=40)).get("faxes")

    assert 5 <= len(server.requests) <= 42


@pytest.mark.parametrize(
    ("name", "value", "seconds"),
    [("RateLimit-Reset", "9", 9), ("X-RateLimit-Reset", "7", 7), ("X-RateLimit-Reset", "soon", 1)],
)
def test_a_rate_header_tells_the_pause(name: str, value: str, seconds: float, server: FakeServer) -> None:
    clock = Clock()
    server.answer = lambda request: FINE if request.number else Answer(429, headers={name: value})
    client(server, clock).get("faxes")

    assert clock.slept[0] == seconds


def test_a_rate_header_of_an_error_that_is_no_limit_tells_no_pause(server: FakeServer) -> None:
    clock = Clock()
    headers = {"X-RateLimit-Remaining": "13799", "X-RateLimit-Reset": "3600"}
    server.answer = lambda request: FINE if request.number else Answer(502, headers=headers)
    client(server, clock).get("faxes")

    assert clock.slept[0] == 1


def test_a_rate_header_may_tell_the_time_of_the_reset(server: FakeServer) -> None:
    clock = Clock()
    headers = {"X-RateLimit-Reset": "1795608006", "Date": "Wed, 25 Nov 2026 12:00:00 GMT"}
    server.answer = lambda request: FINE if request.number else Answer(429, headers=headers)
    client(server, clock).get("faxes")

    assert clock.slept[0] == 6


@pytest.mark.slow
def test_the_pace_that_was_reached_is_told(serve_fake: ServeFake, sync: Sync, settings: Settings) -> None:
    served = serve_fake("phaxio", generated("phaxio", 3, days=2))
    honest = served.server.answer
    limited = Answer(429, headers={"Retry-After": PAST})
    served.server.answer = lambda request: honest(request) if request.number else limited
    settings["SOURCES__RETRY_SECONDS"] = "5"

    assert sync().accounts["phaxio"]["requests_per_second"] == 1.0
