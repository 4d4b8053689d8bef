"""A provider that stays down, stalls or leads elsewhere: the run ends in good time, and the warehouse is as before."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

import sources
from sources.errors import ContractError, ProviderDown
from sources.fakes.server import Answer, FakeServer, Request, json_answer, serve
from sources.http.client import Client
from sources.http.limits import DEFAULT_LIMITS, Limits
from tests.faults.conftest import HELD, NEW, StartTrial, more
from tests.support.faults.inject import UNAVAILABLE, Honest, always, broken, from_page, raw
from tests.support.warehouse.oracle import assert_holds
from tests.support.warehouse.rows import rows

every_provider = pytest.mark.parametrize("provider", sources.providers())
STALLS = {
    "no answer at all": Answer(delay_seconds=60),
    "headers, then nothing": Answer(200, b"x" * 200_000, drip_seconds=60),
}
ODD_HEADERS: dict[str, dict[str, str]] = {
    "a wait of 5000 digits": {"Retry-After": "9" * 5000},
    "a wait of 20 digits": {"Retry-After": "1" + "0" * 20},
    "a wait until the year 10^12": {"Retry-After": "Mon, 01 Jan 1000000000000 00:00:00 GMT"},
    "a wait until a zone that is none": {"Retry-After": "Mon, 01 Jan 2029 00:00:00 +9999"},
    "a date in the year 10^12": {"Date": "Mon, 01 Jan 1000000000000 00:00:00 GMT"},
    "a date without a zone": {"Date": "Mon, 01 Jan 2029 00:00:00 -0000"},
    "a date that is no date": {"Date": "yesterday"},
}


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with serve(lambda request: UNAVAILABLE) as served:
        yield served


def client(url: str, slept: list[float], limits: Limits = DEFAULT_LIMITS) -> Client:
    return Client(url, ("user", "secret"), "Provider", limits, sleep=slept.append)


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504])
def test_a_page_that_never_comes_is_asked_for_five_times(status: int, server: FakeServer) -> None:
    server.answer = lambda request: Answer(status)
    slept: list[float] = []
    with pytest.raises(ProviderDown):
        client(server.url, slept).get("faxes")

    assert (len(server.requests), slept) == (5, [1.0, 2.0, 4.0, 8.0])


@pytest.mark.parametrize("wait", ["86400", "121"])
def test_a_wait_beyond_the_budget_is_not_waited_for(wait: str, server: FakeServer) -> None:
    server.answer = lambda request: Answer(429, headers={"Retry-After": wait})
    slept: list[float] = []
    with pytest.raises(ProviderDown):
        client(server.url, slept).get("faxes")

    assert (len(server.requests), slept) == (1, [])


def test_the_budget_is_one_for_all_pages_of_a_run(server: FakeServer) -> None:
    server.answer = lambda request: (
        Answer(503, headers={"Retry-After": "50"}) if request.number % 2 else json_answer({})
    )
    slept: list[float] = []
    asking = client(server.url, slept)
    with pytest.raises(ProviderDown):
        for _ in range(20):
            asking.get("faxes")

    assert slept == [50.0, 50.0]


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "http://[::1]:9"])
def test_a_host_that_refuses_is_asked_five_times(url: str) -> None:
    slept: list[float] = []
    asking = client(url, slept)
    with pytest.raises(ProviderDown):
        asking.get("faxes")

    assert (asking.usage.requests, len(slept)) == (5, 4)


@pytest.mark.parametrize("name", STALLS)
def test_a_provider_that_stalls_is_left_within_the_read_time_out(name: str, server: FakeServer) -> None:
    server.answer = lambda request: STALLS[name]
    with pytest.raises(ProviderDown):
        client(server.url, [], Limits(attempts=2, read_seconds=0.2)).get("faxes")

    assert len(server.requests) == 2


def test_a_body_that_drips_is_left_when_the_response_takes_too_long(server: FakeServer) -> None:
    hours = Answer(200, b" " * 2_000_000, {"Content-Type": "application/json"}, drip_seconds=0.01)
    server.answer = lambda request: hours
    with pytest.raises(ProviderDown):
        client(server.url, [], Limits(attempts=1, response_seconds=0.3)).get("faxes")


def test_a_body_that_grows_beyond_a_page_is_left_at_the_limit(server: FakeServer) -> None:
    bomb = Answer(200, b" " * 30_000_000, {"Content-Type": "application/json"}, gzip=True)
    server.answer = lambda request: bomb
    with pytest.raises(ContractError):
        client(server.url, [], Limits(response_bytes=1_000_000)).get("faxes")

    assert len(server.requests) == 1


@pytest.mark.parametrize("name", ODD_HEADERS)
def test_headers_that_no_clock_can_hold_are_as_none(name: str, server: FakeServer) -> None:
    answers = [Answer(503, headers=ODD_HEADERS[name]), replace(json_answer({}), headers=ODD_HEADERS[name])]
    server.answer = lambda request: answers[min(request.number, 1)]
    slept: list[float] = []
    asking = client(server.url, slept)
    try:
        asking.get("faxes")
    except ProviderDown:
        assert (asking.usage.requests, slept) == (1, [])
    else:
        assert slept == [1.0]


@pytest.mark.parametrize("date", ["Mon, 01 Jan 1000000000000 00:00:00 GMT", "Mon, 01 Jan 0001 00:00:00 GMT"])
def test_a_date_that_no_clock_can_hold_stops_no_run(date: str, trial: StartTrial) -> None:
    started = trial("phaxio")
    with broken(started.served, raw(lambda body: body, Date=date)):
        synced = started.sync()

    assert (synced.exit_code in (0, 65, 75), "Traceback" in synced.told) == (True, False)
    started.recovers()


@pytest.mark.parametrize(
    ("provider", "location"),
    [
        *(("phaxio", location) for location in ("/elsewhere", None, "//a.invalid", "http://[::1")),
        *(("signalwire", location) for location in ("", "https://example.invalid", "\\x", "http://[::1", "\xff")),
    ],
)
def test_no_redirect_is_followed_wherever_it_leads(provider: str, location: str | None, trial: StartTrial) -> None:
    started = trial(provider)
    headers = {} if location is None else {"Location": location}
    synced = started.fails(65, always(Answer(302, headers=headers)))

    assert (len(started.served.server.requests), "redirect" in synced.told) == (1, True)
    started.recovers()


@every_provider
def test_the_last_of_many_pages_failing_loads_nothing_of_its_window(provider: str, trial: StartTrial) -> None:
    started = trial(provider, page_cap="200", new=1_390)
    started.fails(75, from_page(8, UNAVAILABLE))

    assert len(started.served.server.requests) == 8
    started.recovers()


@pytest.mark.parametrize("connections", [1, 4])
def test_windows_loaded_before_a_failure_are_kept_and_not_read_again(connections: int, trial: StartTrial) -> None:
    started = trial("signalwire")
    started.settings["SOURCES__CONNECTIONS"] = str(connections)
    started.served.fake.add(*more("signalwire", 200, days=7 * 90, seed=9))
    started.settings["SOURCES__SIGNALWIRE__START_DATE"] = f"{datetime.now(UTC) - timedelta(7 * 90):%Y-%m-%d}"
    started.settings["SYNC__ROWS_PER_LOAD"] = "1"
    started.place.empty()
    codes = list[int]()
    while codes[-1:] != [0]:
        with broken(started.served, from_page(4, UNAVAILABLE)):
            codes.append(started.sync().exit_code)
    walked = [request for request in started.served.server.requests if request.path.endswith("logs")]
    started.holds(started.served.fake.truth())

    assert [75] * (len(codes) - 1) + [0] == codes
    assert len(walked) <= 1.2 * 8 + connections * len(codes)  # at most what was under way is asked for again


def test_a_second_list_that_is_down_leaves_the_first_complete(trial: StartTrial) -> None:
    started = trial("signalwire", compat="read")

    def down(request: Request, honest: Honest) -> Answer:
        return UNAVAILABLE if "/laml/" in request.path else honest(request)

    with broken(started.served, down):
        assert started.sync().exit_code == 75
    assert rows(started.place, "select count(*) from fax_signalwire.fax_logs") == [(HELD + NEW,)]
    started.recovers()


def test_one_provider_down_leaves_the_other_complete(trial: StartTrial) -> None:
    down = trial("signalwire")
    up = trial("phaxio")
    down.sync()
    before = down.served.fake.truth()
    down.served.fake.add(*more("signalwire", 10, seed=8))
    up.served.fake.add(*more("phaxio", 10, seed=8))
    down.fails(75, always(UNAVAILABLE))

    up.holds(up.served.fake.truth())
    assert_holds(down.place, "signalwire", before)
    down.recovers()
