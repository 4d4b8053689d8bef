"""Failures of providers: the exit code tells the operator what to do, and no failure stops another provider."""

import os
import resource
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

import sources
from pipelines.config import bootstrap
from pipelines.config.declaration import secrets_of
from pipelines.outcome.error_mapping import to_fax_sync_error
from pipelines.sync import main
from sources.errors import ProviderDown
from sources.fakes.server import Answer, FakeServer, Request, json_answer
from sources.http.client import Client
from sources.http.limits import Limits
from tests.conftest import Query, ServeFake, Settings, Sync, generated
from tests.support.tiers import first_quick, in_turns

every_provider = pytest.mark.parametrize("provider", sources.providers())
DOWN = {
    "500": Answer(500, b"oops"),
    "503 without a body": Answer(503),
    "429": json_answer({"success": False}, 429, Retry_After="86400"),
    "408": Answer(408),
    "reset": Answer(reset=True),
    "cut": Answer(200, b'{"data": []}', {"Content-Type": "application/json"}, cut_after=3),
}


@every_provider
@pytest.mark.parametrize("status", [401, 403])
def test_refused_credentials_are_tried_once_and_never_printed(
    provider: str, status: int, serve_fake: ServeFake, sync: Sync, settings: Settings
) -> None:
    served = serve_fake(provider)
    secrets = [f"SOURCES__{provider}__{key}".upper() for key in secrets_of(sources.provider(provider).Settings)[-2:]]
    settings |= {name: f"canary-{position}" for position, name in enumerate(secrets)}
    served.server.answer = lambda request: json_answer({"error": "no"}, status)
    synced = sync("--verbose")

    assert (synced.exit_code, len(served.server.requests)) == (77, 1)
    assert "canary" not in synced.told


@pytest.mark.parametrize(("provider", "name"), first_quick(in_turns(DOWN, sources.providers()), 3))
def test_a_provider_that_is_down_is_to_be_tried_again_later(
    provider: str, name: str, serve_fake: ServeFake, sync: Sync
) -> None:
    served = serve_fake(provider)
    served.server.answer = lambda request: DOWN[name]

    assert (sync().exit_code, len(served.server.requests)) == (75, 1)


@every_provider
def test_a_provider_out_of_reach_is_to_be_tried_again_later(
    provider: str, serve_fake: ServeFake, sync: Sync, settings: Settings
) -> None:
    serve_fake(provider)
    with socket.socket() as bound:  # bound and not listening: nobody else gets the port, and nobody answers
        bound.bind(("127.0.0.1", 0))
        settings[f"SOURCES__{provider}__BASE_URL".upper()] = f"http://127.0.0.1:{bound.getsockname()[1]}"

        assert sync().exit_code == 75


def refusing(status: int) -> Callable[[Request], Answer]:
    return lambda request: json_answer({"error": "no"}, status)


@pytest.mark.parametrize(
    ("phaxio", "signalwire", "exit_code"),
    first_quick([(200, 503, 75), (401, 503, 77), (503, 422, 65), (503, 200, 75), (422, 401, 77), (422, 200, 65)], 3),
)
def test_a_failure_leaves_the_other_provider_loaded_and_the_worst_one_is_told(
    phaxio: int, signalwire: int, exit_code: int, serve_fake: ServeFake, sync: Sync, query: Query
) -> None:
    for provider, status in (("phaxio", phaxio), ("signalwire", signalwire)):
        served = serve_fake(provider, generated(provider, 5))
        if status != 200:
            served.server.answer = refusing(status)
    synced = sync()

    loaded = [(name,) for name, status in (("phaxio", phaxio), ("signalwire", signalwire)) if status == 200]
    assert exit_code == synced.exit_code
    assert {"phaxio", "signalwire"} == synced.accounts.keys()
    assert not loaded or loaded == query("select distinct provider from fax.faxes")


def test_a_demonstration_that_has_made_no_file_asks_nothing_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bootstrap, "DEMO_DATABASE", tmp_path / "nowhere" / "demo.duckdb")

    assert main(["--demo"]) == 78
    assert "DuckDB refused" not in capsys.readouterr().err


def test_a_connection_for_which_no_file_can_be_opened_is_this_machines_fault(server: FakeServer) -> None:
    client = Client(server.url, ("user", "key"), "Someone", Limits(retry_seconds=0))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with Path(os.devnull).open() as lowest_free:
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free.fileno() + 1, hard))
        try:
            with pytest.raises(ProviderDown) as caught:
                client.get("faxes")
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    error = to_fax_sync_error(caught.value)

    assert error is not None
    assert (error.exit_code, "too many open files" in str(error)) == (74, True)
