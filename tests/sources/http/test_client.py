"""How the client asks: again after a while and not for ever, and with nobody else's credentials."""

import socket
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import count
from pathlib import Path

import pytest

from sources.errors import AuthError, FaxSyncError, ProviderDown, Refused
from sources.fakes.server import Answer, FakeServer, Request, json_answer, serve
from sources.http.client import Client
from sources.http.limits import Limits
from tests.support.clock import Clock

FINE = json_answer({"fine": True})
Slept = list[float]
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def patient(server: FakeServer, slept: Slept, limits: Limits | None = None) -> Client:
    """A client that notes how long it would sleep, and does not: only its own clock goes on."""
    clock = Clock(slept=slept)
    url, key = server.url + "/v1", ("user", "password")
    return Client(url, key, "Someone", limits or Limits(), sleep=clock.sleep, clock=clock)


def after(*failures: Answer) -> Callable[[Request], Answer]:
    """Fails in these ways, one request each, and is fine from then on."""
    return lambda request: failures[request.number] if request.number < len(failures) else FINE


def test_a_host_name_that_cannot_be_resolved_is_told_to_be_perhaps_misspelt(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)  # a test asks no name server
    with pytest.raises(ProviderDown, match=r"Someone: the host name 'acmee\.example' could not .*: check its spelling"):
        Client("https://acmee.example", ("user", "password"), "Someone", Limits(attempts=1)).get("faxes")


@pytest.mark.parametrize(("answer_seconds", "connections"), [(0.0, 1), (0.02, 4)])
def test_several_connections_are_used_if_the_provider_is_slow(
    server: FakeServer, answer_seconds: float, connections: int
) -> None:
    ticks = count(0.0, answer_seconds)
    server.answer = lambda request: FINE
    client = Client(server.url, ("user", "password"), "Someone", clock=lambda: next(ticks))
    client.get("faxes")

    assert client.connections() == connections


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504, 599])
def test_a_passing_failure_is_tried_again_after_growing_pauses(server: FakeServer, status: int) -> None:
    slept: Slept = []
    server.answer = after(*[Answer(status)] * 4)
    client = patient(server, slept)

    assert client.get("faxes") == {"fine": True}
    assert slept == [1, 2, 4, 8]
    assert (client.usage.requests, client.usage.retries) == (5, 4)


def test_five_attempts_are_all(server: FakeServer) -> None:
    server.answer = lambda request: Answer(503)
    with pytest.raises(ProviderDown):
        patient(server, []).get("faxes")

    assert len(server.requests) == 5


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        *(("2", 2), ("7", 7), ("0", 1), ("-5", 1), ("1.5", 1), ("soon", 1), ("", 1), ("²", 1)),
        (format_datetime(NOW + timedelta(seconds=3), usegmt=True), 3),
        (format_datetime(NOW - timedelta(days=3), usegmt=True), 0),
        ("Sun, 99 Nov 2026 12:00:00 GMT", 1),
    ],
)
def test_the_pause_that_the_provider_asks_for_is_kept(server: FakeServer, header: str, seconds: float) -> None:
    slept: Slept = []
    dates = {"Date": format_datetime(NOW, usegmt=True)}
    server.answer = after(Answer(503, headers={"Retry-After": header.encode().decode("latin-1"), **dates}))
    patient(server, slept).get("faxes")

    assert slept == [seconds]


def test_an_answer_without_a_time_leaves_what_is_known_of_the_providers_clock(server: FakeServer) -> None:
    told = [timedelta(days=-400), timedelta(days=1), None]
    client = patient(server, [])
    dates = [format_datetime(datetime.now(UTC) + ahead, usegmt=True) if ahead else "no time" for ahead in told]
    server.answer = after(*(replace(FINE, headers={"Date": date}) for date in dates))
    for _ in told:
        client.get("faxes")

    assert (round(client.least_skew.total_seconds() / 86400), round(client.skew.total_seconds() / 86400)) == (-400, 1)
    assert client.earlier_time() < datetime.now(UTC) - timedelta(days=399)


@pytest.mark.parametrize("header", ["86400", "1" + "0" * 20, "9" * 5000])
def test_a_pause_beyond_the_budget_ends_the_run_at_once(server: FakeServer, header: str) -> None:
    slept: Slept = []
    server.answer = lambda request: Answer(429, headers={"Retry-After": header})
    with pytest.raises(ProviderDown):
        patient(server, slept).get("faxes")

    assert (len(server.requests), slept) == (1, [])


def test_all_pages_share_one_budget(server: FakeServer) -> None:
    slept: Slept = []
    server.answer = lambda request: Answer(503, headers={"Retry-After": "40"}) if request.number % 2 == 0 else FINE
    client = patient(server, slept, Limits(retry_seconds=100))
    client.get("faxes")
    client.get("faxes")
    with pytest.raises(ProviderDown):
        client.get("faxes")

    assert slept == [40, 40]


@pytest.mark.parametrize(
    ("status", "error"),
    [(400, Refused), (401, AuthError), (402, AuthError), (403, AuthError), (404, Refused), (422, Refused)],
)
def test_what_no_retry_can_mend_is_not_tried_again(server: FakeServer, status: int, error: type[FaxSyncError]) -> None:
    server.answer = lambda request: json_answer({"code": "x"}, status)
    with pytest.raises(error):
        patient(server, []).get("faxes")

    assert len(server.requests) == 1


def test_a_refusal_carries_its_document(server: FakeServer) -> None:
    server.answer = lambda request: json_answer({"errors": [{"code": "x"}]}, 422)
    with pytest.raises(Refused) as refusal:
        patient(server, []).get("faxes")

    assert (refusal.value.status, refusal.value.document) == (422, {"errors": [{"code": "x"}]})


def test_credentials_and_proxies_of_the_environment_are_left_alone(
    server: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login canary password canary\n")
    with serve(lambda request: FINE) as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
        patient(server, []).get("faxes")

        assert proxy.requests == []
    assert server.requests[0].headers["Authorization"] == "Basic dXNlcjpwYXNzd29yZA=="
