"""An access token is requested once, renewed in time, and sent to the provider's origin only."""

import pickle
from base64 import b64encode
from collections.abc import Callable, Iterator
from itertools import count

import pytest

from sources.errors import AuthError, ConfigError, ContractError, FaxSyncError, ProviderDown, Refused
from sources.fakes.server import Answer, FakeServer, Request, json_answer, serve
from sources.http.client import Client
from sources.http.limits import Limits
from sources.http.oauth2 import ClientCredentials
from tests.support.clock import Clock

KEYS = ("user", "password")
BASIC = "Basic " + b64encode(b"user:password").decode()
FINE = json_answer({"fine": True})


@pytest.fixture
def tokens() -> Iterator[FakeServer]:
    """A token endpoint: `T0`, `T1` and so on, for an hour each."""
    numbers = count()
    with serve(lambda request: json_answer({"access_token": f"T{next(numbers)}", "expires_in": 3600})) as running:
        yield running


def client_of(server: FakeServer, tokens: FakeServer, clock: Clock) -> Client:
    """A client that never waits."""
    limits = Limits(attempts=2)
    auth = ClientCredentials(tokens.url + "/oauth2/token", KEYS, "Someone", limits, clock)
    return Client(server.url + "/v1", auth, "Someone", limits, sleep=clock.sleep, clock=clock)


def accepting(token: str) -> Callable[[Request], Answer]:
    """A provider that accepts this token only."""
    return lambda request: FINE if request.headers["Authorization"] == f"Bearer {token}" else Answer(401)


def test_one_token_serves_all_requests_until_a_minute_before_it_expires(server: FakeServer, tokens: FakeServer) -> None:
    clock = Clock()
    client = client_of(server, tokens, clock)
    for seconds in (0, 0, 3539, 2):
        clock.seconds += seconds
        client.get("faxes")

    assert [request.headers["Authorization"][-2:] for request in server.requests] == ["T0", "T0", "T0", "T1"]
    assert [(request.method, request.path, request.headers["Authorization"]) for request in tokens.requests] == [
        ("POST", "/oauth2/token", BASIC)
    ] * 2
    assert BASIC not in {request.headers["Authorization"] for request in server.requests}


def test_a_refused_token_is_renewed_once(server: FakeServer, tokens: FakeServer) -> None:
    server.answer = accepting("T1")
    client = client_of(server, tokens, Clock())

    assert client.get("faxes") == {"fine": True}
    assert (len(server.requests), len(tokens.requests)) == (2, 2)


def test_new_tokens_that_are_all_refused_mean_that_the_key_lacks_a_right(
    server: FakeServer, tokens: FakeServer
) -> None:
    server.answer = accepting("another")
    with pytest.raises(AuthError):
        client_of(server, tokens, Clock()).get("faxes")

    assert (len(server.requests), len(tokens.requests)) == (2, 2)


def test_a_new_token_that_the_provider_does_not_know_yet_is_tried_again(server: FakeServer, tokens: FakeServer) -> None:
    server.answer = accepting("T0")
    client = client_of(server, tokens, Clock())
    client.get("faxes")
    server.answer = accepting("T2")

    assert client.get("faxes") == {"fine": True}

    server.answer = accepting("another")
    with pytest.raises(ProviderDown, match="just issued"):
        client.get("faxes")


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer(401), AuthError),
        (json_answer({"error": "invalid_client"}, 400), AuthError),
        (Answer(200, b"<html>", {"Content-Type": "text/html"}), ContractError),
        (json_answer({"access_token": "two\r\nlines"}), ContractError),
        (json_answer({"token": "T"}), ContractError),
        (json_answer([]), ContractError),
        (Answer(404), Refused),
        (Answer(302, headers={"Location": "https://elsewhere.example/"}), ConfigError),
        (Answer(429), ProviderDown),
        (Answer(503), ProviderDown),
        (Answer(reset=True), ProviderDown),
    ],
)
def test_without_a_token_no_request_is_sent(
    server: FakeServer, tokens: FakeServer, answer: Answer, error: type[FaxSyncError]
) -> None:
    tokens.answer = lambda request: answer
    with pytest.raises(error, match="the token endpoint of Someone") as raised:
        client_of(server, tokens, Clock()).get("faxes")

    assert "base_url" not in str(raised.value)
    assert server.requests == []


def test_a_token_without_a_lifetime_is_renewed_after_minutes(server: FakeServer, tokens: FakeServer) -> None:
    tokens.answer = lambda request: json_answer({"access_token": "T"})
    clock = Clock()
    client = client_of(server, tokens, clock)
    for seconds in (0, 239, 2):
        clock.seconds += seconds
        client.get("faxes")

    assert len(tokens.requests) == 2


def test_a_lifetime_of_any_size_is_a_day_at_most(server: FakeServer, tokens: FakeServer) -> None:
    body = b'{"access_token": "T", "expires_in": ' + b"9" * 400 + b"}"
    tokens.answer = lambda request: Answer(200, body, FINE.headers)
    clock = Clock()
    client = client_of(server, tokens, clock)
    for seconds in (0, 80_000, 6_400):
        clock.seconds += seconds
        client.get("faxes")

    assert len(tokens.requests) == 2


def test_a_token_endpoint_without_tls_is_refused() -> None:
    with pytest.raises(ConfigError, match="auth_url must begin with https"):
        ClientCredentials("http://auth.someone.example/token", KEYS, "Someone")


def test_neither_a_pickle_nor_a_text_shows_the_token(server: FakeServer, tokens: FakeServer) -> None:
    auth = ClientCredentials(tokens.url, KEYS, "Someone")
    Client(server.url, auth, "Someone").get("faxes")

    assert server.requests[0].headers["Authorization"] == "Bearer T0"
    assert not [text for text in ("T0", "password") if text in repr(auth)]
    with pytest.raises(TypeError):
        pickle.dumps(auth)
