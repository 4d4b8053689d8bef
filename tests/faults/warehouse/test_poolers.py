"""PostgreSQL behind PgBouncer, in session and in transaction mode: a run is as right as one that connects directly."""

from pathlib import Path

import pytest

import sources
from tests.faults.conftest import StartServerTrial
from tests.support.commands.process import Barrier, run, started
from tests.support.faults.inject import broken
from tests.support.faults.server_trial import ServerTrial
from tests.support.servers.pooler import pooler

every_provider = pytest.mark.parametrize("provider", sources.providers())
every_mode = pytest.mark.parametrize("mode", ["session", "transaction"])
IGNORED = "ignore_startup_parameters = options"


def through(trying: ServerTrial, port: int, query: str = "") -> None:
    """Has the runs of the trial connect through the port."""
    url = trying.server.url_through(port, trying.database)
    trying.settings["DESTINATION__WAREHOUSE__CREDENTIALS"] = url + query


@every_provider
@every_mode
@pytest.mark.parametrize("more", ["", IGNORED], ids=["options refused", "options ignored"])
def test_a_run_through_a_pooler_is_complete(
    more: str, mode: str, provider: str, server_trial: StartServerTrial
) -> None:
    trying = server_trial(provider)
    with pooler(trying.server, mode, more) as port:
        through(trying, port)
        trying.recovers()
        again = trying.recovers()

    assert again.accounts[provider]["new"] == 0


@every_mode
def test_a_second_run_through_a_pooler_is_refused(mode: str, server_trial: StartServerTrial, tmp_path: Path) -> None:
    trying, barrier = server_trial("phaxio"), Barrier()
    with pooler(trying.server, mode, IGNORED) as port:
        through(trying, port)
        with broken(trying.served, barrier.fault()), started(trying.settings, tmp_path / "first") as first:
            barrier.reached.wait(60)
            code, told = run(trying.settings, tmp_path / "second")
            barrier.opened.set()
            first_code, first_told = first.end()

    assert (code, "another run" in told) == (75, True), told
    assert first_code == 0, first_told
    trying.settings |= trying.server.settings(trying.database)
    trying.recovers()


@every_mode
def test_options_that_a_pooler_refuses_are_told_with_the_remedy(mode: str, server_trial: StartServerTrial) -> None:
    trying = server_trial("phaxio")
    with pooler(trying.server, mode) as port:
        through(trying, port, "?options=-c%20statement_timeout%3D1h")
        trying.fails(78, "options", "ignore_startup_parameters", "connect directly")
    trying.settings |= trying.server.settings(trying.database)
    trying.recovers()


def test_a_pooler_that_keeps_no_transaction_together_is_refused(server_trial: StartServerTrial) -> None:
    trying = server_trial("phaxio")
    with pooler(trying.server, "statement", IGNORED) as port:
        through(trying, port)
        trying.fails(78, "connect directly", "pool")
    assert trying.served.server.requests == []
