"""What the client takes for an answer: whole bodies only, not too long and not too late."""

from collections.abc import Iterator
from time import sleep

import pytest

from sources.errors import ContractError, ProviderDown
from sources.fakes.server import Answer, FakeServer, json_answer
from sources.http.client import Client
from sources.http.limits import Limits
from tests.sources.http.test_client import FINE, Slept, after, patient
from tests.support.servers.flood import FLOODS, flooding, whole

BROKEN = {
    "reset": Answer(reset=True),
    "reset in the body": Answer(200, b'{"fine": true}', reset=True, cut_after=5),
    "cut": Answer(200, FINE.body, FINE.headers, cut_after=5),
    "cut between chunks": Answer(200, b" " * 3000 + FINE.body, FINE.headers, chunked=True, cut_after=2048),
    "cut in a chunk": Answer(200, b" " * 3000 + FINE.body, FINE.headers, chunked=True, cut_after=1500),
    "JSON cut short": json_answer(FINE.body[:5]),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_response_is_asked_for_again(server: FakeServer, name: str) -> None:
    slept: Slept = []
    server.answer = after(BROKEN[name], BROKEN[name])

    assert patient(server, slept).get("faxes") == {"fine": True}
    assert slept == [1, 2]


DAMAGED = {name: BROKEN[name] for name in ("cut", "cut between chunks", "cut in a chunk")} | {
    "no gzip": Answer(200, FINE.body, {**FINE.headers, "Content-Encoding": "gzip"}),
}


@pytest.mark.parametrize("answer", DAMAGED.values(), ids=DAMAGED)
def test_a_response_that_stays_broken_is_told_as_such(server: FakeServer, answer: Answer) -> None:
    server.answer = lambda request: answer
    with pytest.raises(ProviderDown, match="sent no whole response"):
        patient(server, []).get("faxes")


UNFINISHED = [
    *("", " ", "{", '{"a', '{"a": "}]"', '{"a": tr', '{"a": "\\', '{"a": [{}, {}]', "\ufeff["),
    pytest.param('{"a": "é'.encode()[:-1], id="in a character"),
]


@pytest.mark.parametrize("begun", UNFINISHED)
@pytest.mark.parametrize("framing", ["", "Transfer-Encoding: chunked\r\n"])
def test_a_body_of_unknown_length_that_ends_early_is_asked_for_again(begun: str | bytes, framing: str) -> None:
    body = begun if isinstance(begun, bytes) else begun.encode()
    chunks = (b"%x\r\n%b\r\n" % (len(body), body) if body else b"") + b"0\r\n\r\n"
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n{framing}\r\n".encode()
    with flooding(lambda: iter([head + (chunks if framing else body)])) as provider:
        client = Client(provider.url, ("user", "password"), "Someone", sleep=list[float]().append)
        with pytest.raises(ProviderDown, match="ends early"):
            client.get("faxes")

    assert provider.asked == 5


@pytest.mark.parametrize("body", ["<html>{[", '{"a": 1}}', '{"a": 1, "a": 2}', "nul", '{"a": "[{"]}', "'{"])
def test_a_body_of_unknown_length_that_is_no_json_breaks_the_contract(body: str) -> None:
    head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"
    with flooding(lambda: iter([(head + body).encode()])) as provider, pytest.raises(ContractError):
        Client(provider.url, ("user", "password"), "Someone", sleep=list[float]().append).get("faxes")

    assert provider.asked == 3


def test_json_that_never_comes_whole_breaks_the_contract(server: FakeServer) -> None:
    server.answer = lambda request: BROKEN["JSON cut short"]
    with pytest.raises(ContractError):
        patient(server, []).get("faxes")

    assert len(server.requests) == 3


@pytest.mark.parametrize(
    ("body", "fault"),
    [(b'{"name": "Jos\xe9"}', "not UTF-8 at byte 13"), (b'{"a": 1, "a": 2}', "an object repeats a key")],
)
def test_a_message_names_why_a_page_cannot_be_parsed(server: FakeServer, body: bytes, fault: str) -> None:
    server.answer = lambda request: Answer(200, body, FINE.headers)
    with pytest.raises(ContractError) as raised:
        patient(server, []).get("faxes")

    assert f"cannot be parsed as JSON: {fault}, content type 'application/json'" in str(raised.value)


@pytest.mark.parametrize(
    ("location", "named"),
    [
        ("/other", "'127.0.0.1'"),
        ("faxes/", "'127.0.0.1'"),
        ("//elsewhere.example/", "'elsewhere.example'"),
        ("http://[", "nowhere"),
        ("", "nowhere"),
    ],
)
def test_a_message_names_the_host_of_a_redirect(server: FakeServer, location: str, named: str) -> None:
    server.answer = lambda request: Answer(302, headers={"Location": location})
    with pytest.raises(ContractError, match=f"redirects to {named}, which"):
        patient(server, []).get("faxes")


@pytest.mark.parametrize("gzip", [False, True])
def test_a_body_beyond_the_limit_is_read_no_further(server: FakeServer, gzip: bool) -> None:
    server.answer = lambda request: Answer(200, b" " * 5_000_000 + b"{}", FINE.headers, gzip=gzip)
    with pytest.raises(ContractError, match="bytes"):
        patient(server, [], Limits(response_bytes=100_000)).get("faxes")

    assert len(server.requests) == 1


@pytest.mark.parametrize("name", ["interim responses", "trailers", "a gzip file's name", "chunks", "a body"])
def test_what_has_no_end_is_read_no_further_than_a_page(name: str) -> None:
    with flooding(FLOODS[f"{name} without an end"]) as flood, pytest.raises(ContractError, match="bytes"):
        client = Client(flood.url, ("user", "password"), "Someone", Limits(response_bytes=100_000))
        client.get("faxes")

    assert flood.asked == 1


@pytest.mark.parametrize("status", [b"102 Processing", b"103 Early Hints", b"110 Unheard Of"])
def test_interim_responses_are_no_answer(status: bytes) -> None:
    interim = b"HTTP/1.1 " + status + b"\r\nLink: </style.css>; rel=preload\r\n\r\n"
    with flooding(lambda: [interim * 2, *whole(b'{"fine": true}')]) as provider:
        client = Client(provider.url, ("user", "password"), "Someone", Limits(attempts=1))

        assert client.get("faxes") == {"fine": True}


@pytest.mark.parametrize(("size", "drip_seconds"), [(300_000, 0.0), (40, 0.005)])
def test_a_body_that_is_slow_in_coming_is_cut_at_the_deadline(
    server: FakeServer, size: int, drip_seconds: float
) -> None:
    ticks, slept = iter(range(0, 100_000, 50)), list[float]()
    server.answer = lambda request: Answer(200, b" " * size + b"{}", FINE.headers, drip_seconds=drip_seconds)
    client = Client(
        server.url, ("user", "password"), "Someone", Limits(attempts=1), sleep=slept.append, clock=lambda: next(ticks)
    )
    with pytest.raises(ProviderDown, match="120 s"):
        client.get("faxes")


@pytest.mark.parametrize("is_late", [False, True])
@pytest.mark.parametrize("dripping", ["headers", "body"])
def test_a_response_that_drips_is_cut_soon_after_the_run_should_have_ended(dripping: str, is_late: bool) -> None:
    head, body = whole(b'{"fine": true}')
    ticks = iter(range(0, 100_000, 2))
    with flooding(lambda: _drip(head, body) if dripping == "headers" else _drip(body, first=head)) as provider:
        client = Client(
            provider.url, ("user", "password"), "Someone", Limits(response_seconds=1_000), clock=lambda: next(ticks)
        )
        client.end_by(0 if is_late else 900)
        if is_late:
            with pytest.raises(ProviderDown):
                client.get("faxes")
        else:
            assert client.get("faxes") == {"fine": True}

    assert provider.asked == 1


def _drip(slow: bytes, last: bytes = b"", first: bytes = b"") -> Iterator[bytes]:
    yield first
    for at in range(len(slow)):
        sleep(0.002)
        yield slow[at : at + 1]
    yield last


@pytest.mark.parametrize("failure", [Answer(503), Answer(429, headers={"Retry-After": "7"}), BROKEN["cut"]])
def test_nothing_is_waited_for_that_comes_after_the_end_of_the_run(server: FakeServer, failure: Answer) -> None:
    slept: Slept = []
    server.answer = lambda request: failure
    client = patient(server, slept)
    client.end_by(1000 + 6.5)  # the clock of the test starts at 1000
    with pytest.raises(ProviderDown):
        client.get("faxes")

    assert sum(slept) < 6.5


def test_a_server_that_never_answers_is_given_up(server: FakeServer) -> None:
    server.answer = lambda request: Answer(delay_seconds=30)
    with pytest.raises(ProviderDown):
        patient(server, [], Limits(attempts=2, read_seconds=0.05)).get("faxes")

    assert len(server.requests) == 2
