"""Faults of the connection that pass: they are waited for as asked, and nothing is ever half loaded."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

import sources
from sources.errors import ContractError
from sources.fakes.server import Answer, FakeServer, Request, json_answer, serve
from sources.http.client import Client
from tests.faults.conftest import StartTrial
from tests.support.clock import Clock
from tests.support.commands.in_process import Time
from tests.support.faults.inject import Honest, first, from_page

every_provider = pytest.mark.parametrize("provider", sources.providers())
SERVER_TIME = datetime(2026, 3, 1, 12, tzinfo=UTC)
DOCUMENT = {"data": [{"id": number, "note": "é" * 9} for number in range(300)]}
CUTS: dict[str, dict[str, Any]] = {
    "short of its length": {"cut_after": 300},
    "before its first byte": {"cut_after": 0},
    "chunked and cut": {"chunked": True, "cut_after": 2500},
    "reset after some bytes": {"cut_after": 700, "reset": True},
    "reset at once": {"reset": True},
}


def limiting(retry_after: str | None = None, date: datetime | None = None) -> Answer:
    headers = {"Retry-After": retry_after} if retry_after is not None else {}
    return Answer(429, b"slow down", headers | ({"Date": format_datetime(date, usegmt=True)} if date else {}))


def http_date(seconds: float) -> str:
    return format_datetime(SERVER_TIME + timedelta(seconds=seconds), usegmt=True)


TRANSIENT_STATUSES: dict[str, tuple[list[Answer], list[float]]] = {
    "429 twice": ([limiting(), limiting()], [1.0, 2.0]),
    "two seconds": ([limiting("2")], [2.0]),
    "a date by a clock far from ours": ([limiting(http_date(3), SERVER_TIME)], [3.0]),
    "a date in the past": ([limiting(http_date(-90), SERVER_TIME)], [0.0, 1.0]),
    "zero": ([limiting("0")], [1.0]),
    "negative": ([limiting("-5")], [1.0]),
    "a fraction": ([limiting("1.5")], [1.0]),
    "garbage": ([limiting("soon")], [1.0]),
    "503 with a wait": ([Answer(503, headers={"Retry-After": "4"})], [4.0]),
    "cut JSON": ([json_answer(b'{"data":[{"id":1,"co')] * 2, [1.0, 2.0]),
    **{f"{status} twice": ([Answer(status)] * 2, [1.0, 2.0]) for status in (408, 409, 423, 425, 500, 502, 503, 504)},
    **{f"a page {name}": ([replace(json_answer(DOCUMENT), **cut)] * 2, [1.0, 2.0]) for name, cut in CUTS.items()},
}


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with serve(lambda request: json_answer(DOCUMENT)) as served:
        yield served


@pytest.mark.parametrize("name", TRANSIENT_STATUSES)
def test_what_passes_is_waited_for_as_asked_until_the_whole_page_comes(name: str, server: FakeServer) -> None:
    answers, waits = TRANSIENT_STATUSES[name]
    left, slept = list(answers), list[float]()
    server.answer = lambda request: left.pop(0) if left else json_answer(DOCUMENT)
    clock = Clock(slept=slept)
    client = Client(server.url, ("user", "secret"), "Provider", sleep=clock.sleep, clock=clock)

    assert client.get("faxes") == DOCUMENT
    assert (waits, len(answers) + 1, len(answers)) == (slept, len(server.requests), client.usage.retries)


@every_provider
def test_a_run_through_one_fault_after_another_loads_everything_once(provider: str, trial: StartTrial) -> None:
    started = trial(provider, page_cap="200", new=700)
    left = [*(replace(json_answer(DOCUMENT), **cut) for cut in CUTS.values()), limiting("2"), Answer(502), Answer(408)]

    def storm(request: Request, honest: Honest) -> Answer:
        # Every third request is answered, so that no page is out of reach.
        return honest(request) if request.number % 3 == 2 or not left else left.pop()

    time = Time()
    run = started.survives(storm, time)

    assert (run.client.usage.retries, left) == (8, [])
    assert len(time.slept) >= run.client.usage.retries  # the 429 has what follows wait as well


@every_provider
@pytest.mark.parametrize("name", ["short of its length", "chunked and cut"])
def test_a_page_cut_on_the_wire_is_never_half_loaded(provider: str, name: str, trial: StartTrial) -> None:
    started = trial(provider, page_cap="200", new=230)

    def cut(request: Request, honest: Honest) -> Answer:
        return replace(honest(request), **CUTS[name] if request.number else {})

    started.fails(75, cut)
    started.recovers()


@every_provider
def test_json_cut_within_a_whole_response_is_asked_for_three_times_in_all(provider: str, trial: StartTrial) -> None:
    started = trial(provider, page_cap="200", new=230)
    cut = json_answer(b'{"success":true,"data":[{"id":1,"cos')
    with pytest.raises(ContractError):
        started.survives(from_page(2, cut))

    assert len(started.served.server.requests) == 1 + 3
    started.survives(first(cut, cut))


@pytest.mark.parametrize(
    ("provider", "status", "exit_code"),
    [("phaxio", 401, 77), ("signalwire", 403, 77), ("signalwire", 400, 65), ("phaxio", 404, 65), ("phaxio", 422, 65)],
)
def test_a_refusal_in_the_middle_changes_nothing(provider: str, status: int, exit_code: int, trial: StartTrial) -> None:
    started = trial(provider, page_cap="200", new=230)
    refusal = json_answer({"success": False, "message": "+12025550177"}, status)
    synced = started.fails(exit_code, from_page(2, refusal))

    walks = 2 if (provider, status) == ("signalwire", 400) else 1  # a token that has expired is refused like this
    assert (len(started.served.server.requests) <= 2 * walks, "550177" in synced.told) == (True, False)
    started.recovers()
