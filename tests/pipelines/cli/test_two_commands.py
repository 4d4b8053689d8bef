"""Two commands in one process, one in another thread, as a program may run them: neither gets in the other's way."""

import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import dlt.common.configuration.resolve
import pytest

from pipelines.outcome import signals
from pipelines.sync import main
from pipelines.warehouse.dlt_internals.lookup_cache import lookups_cached
from sources.extract.stop import Stop
from tests.conftest import ServeFake, Settings, generated
from tests.support.environment import applied
from tests.support.servers.postgres import Server
from tests.support.warehouse.file_and_database import Database
from tests.support.warehouse.oracle import assert_holds


def test_a_signal_stops_the_run_in_the_main_thread_gently_whatever_another_thread_does() -> None:
    def run() -> None:
        with signals.listening(), signals.gently(Stop()), signals.waiting(), signals.deferred():
            pass

    stop = Stop()
    with signals.listening(), ThreadPoolExecutor(1) as threads, pytest.raises(signals.Stopped), signals.gently(stop):
        threads.submit(run).result()
        signal.raise_signal(signal.SIGTERM)

    assert stop.requested


def test_the_last_of_two_commands_leaves_dlt_as_it_was() -> None:
    before = vars(dlt.common.configuration.resolve)["_resolve_single_value"]
    with ExitStack() as first, ExitStack() as second:
        first.enter_context(lookups_cached())
        second.enter_context(lookups_cached())
        first.close()

    assert vars(dlt.common.configuration.resolve)["_resolve_single_value"] is before
    with lookups_cached():
        assert vars(dlt.common.configuration.resolve)["_resolve_single_value"] is not before


@pytest.mark.slow
def test_two_accounts_are_synced_in_two_threads(
    serve_fake: ServeFake, settings: Settings, postgres: Server, database: str
) -> None:
    served = {name: serve_fake(name, generated(name, 300)) for name in ("phaxio", "signalwire")}
    with applied(settings), ThreadPoolExecutor(2) as threads:
        codes = [*threads.map(lambda name: main(["--provider", name]), served)]

    assert codes == [0, 0]
    for name, of_provider in served.items():
        assert_holds(Database(postgres, database), name, of_provider.fake.truth())
