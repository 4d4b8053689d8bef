"""A watcher is told when a run begins and how it ended, and can fail no run."""

import pytest

from sources.fakes.server import Answer, FakeServer
from tests.conftest import ServeFake, Settings, Sync, generated


def paths(server: FakeServer) -> list[str]:
    return [request.path for request in server.requests]


@pytest.fixture
def watcher(server: FakeServer, settings: Settings) -> FakeServer:
    settings["NOTIFY__PING_URL"] = f"{server.url}/secret-uuid"
    return server


def test_start_and_success_are_told(watcher: FakeServer, serve_fake: ServeFake, sync: Sync) -> None:
    serve_fake("phaxio", generated("phaxio", 3, days=2))

    assert sync().exit_code == 0
    assert paths(watcher) == ["/secret-uuid/start", "/secret-uuid/0"]


@pytest.mark.parametrize(("status", "last"), [(401, "77"), (503, "log")])
def test_a_failure_is_told_and_what_will_pass_is_only_logged(
    status: int, last: str, watcher: FakeServer, serve_fake: ServeFake, sync: Sync
) -> None:
    serve_fake("phaxio").server.answer = lambda request: Answer(status)
    sync()

    assert paths(watcher) == ["/secret-uuid/start", f"/secret-uuid/{last}"]


def test_the_query_of_the_address_stays_behind_the_signal(
    watcher: FakeServer, settings: Settings, serve_fake: ServeFake, sync: Sync
) -> None:
    settings["NOTIFY__PING_URL"] += "/slug/?create=1"
    serve_fake("phaxio").server.answer = lambda request: Answer(401)
    sync()

    assert paths(watcher) == ["/secret-uuid/slug/start", "/secret-uuid/slug/77"]
    assert [request.query for request in watcher.requests] == [{"create": "1"}] * 2


def test_the_body_of_an_answer_is_not_awaited(watcher: FakeServer, serve_fake: ServeFake, sync: Sync) -> None:
    serve_fake("phaxio", generated("phaxio", 3, days=2))
    watcher.answer = lambda request: Answer(body=b"OK", cut_after=0)

    assert "ping_url" not in sync().told


def test_what_stops_the_command_itself_is_told(watcher: FakeServer, sync: Sync) -> None:
    assert sync().exit_code == 78
    assert paths(watcher) == ["/secret-uuid/start", "/secret-uuid/fail"]


def test_a_watcher_that_fails_fails_no_run_and_its_address_stays_a_secret(
    watcher: FakeServer, serve_fake: ServeFake, sync: Sync
) -> None:
    serve_fake("phaxio", generated("phaxio", 3, days=2))
    watcher.answer = lambda request: Answer(500)
    synced = sync()

    assert (synced.exit_code, "ping_url" in synced.told, "secret-uuid" in synced.told) == (0, True, False)


def test_an_unencrypted_watcher_is_refused(serve_fake: ServeFake, sync: Sync, settings: Settings) -> None:
    served = serve_fake("phaxio")
    settings["NOTIFY__PING_URL"] = "http://watcher.example/uuid"

    assert (sync().exit_code, served.server.requests) == (78, [])
