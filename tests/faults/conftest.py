"""What the faults are tried on: an account whose first faxes are held and whose newest are not yet."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from sources.fakes.server import serve
from sources.load.run import Run
from sources.load.run_request import Horizon
from tests.conftest import Served, ServeFake, Settings, Sync, Synced, generated
from tests.support.commands.in_process import Time, run_once
from tests.support.environment import settings_of
from tests.support.every_list import EVERY_LIST
from tests.support.faults.inject import Fault, broken
from tests.support.faults.server_trial import ServerTrial
from tests.support.leaks import FindLeaks
from tests.support.servers.postgres import Server
from tests.support.warehouse.file_and_database import KINDS, Database, File, Warehouse
from tests.support.warehouse.oracle import assert_holds, assert_holds_lists, runs_amiss
from tests.support.warehouse.rows import content

FIRST_NEW_ID = 900_000_000
HELD, NEW = 60, 25  # faxes of the account before and after the warehouse was filled


@dataclass
class Trial:
    """One account with faxes that the warehouse lacks, and what may happen to a run that fetches them."""

    served: Served
    settings: Settings
    place: Warehouse
    sync: Sync

    @property
    def provider(self) -> str:
        return self.served.provider

    @property
    def warehouse(self) -> Path:
        """The warehouse as the file that it is."""
        assert isinstance(self.place, File), "this test is about a file"
        return self.place.path

    def newest(self, count: int = 1) -> list[Any]:
        """The ids of the faxes created last, the very last one first."""
        with self.served.fake.store.lock:
            return [id for _, id in self.served.fake.store.order()][: -count - 1 : -1]

    def fails(self, exit_code: int, fault: Fault, *arguments: str) -> Synced:
        """A run under the fault ends with this code, and leaves every raw row, the cursor and the ledger as before."""
        before = content(self.place, self.provider)
        with broken(self.served, fault):
            synced = self.sync(*arguments)
        assert (exit_code, "Traceback" in synced.told) == (synced.exit_code, False), synced.told
        assert before == content(self.place, self.provider)
        self.told_truly(synced.said)
        return synced

    def told_truly(self, said: dict[str, Any] | None) -> None:
        """The row of `sync_runs` says what the run has said, if it has said anything."""
        assert list(runs_amiss(self.place, said)) == [] if said else True

    def holds(self, truth: Iterable[dict[str, Any]]) -> None:
        """The warehouse holds this and nothing else."""
        assert_holds(self.place, self.provider, truth)
        assert_holds_lists(self.place, self.provider, self.served.fake)

    def recovers(self) -> Synced:
        """One run without a fault, and the warehouse holds what the provider holds."""
        synced = self.sync()
        assert synced.exit_code == 0, synced.told
        self.holds(self.served.fake.truth())
        self.told_truly(synced.said)
        return synced

    def survives(self, fault: Fault, time: Time | None = None, horizon: Horizon | None = None) -> Run:
        """A run under the fault is as good as one without."""
        with broken(self.served, fault):
            run = run_once(self.provider, self.settings, time, horizon=horizon)
        self.holds(self.served.fake.truth())
        return run


@pytest.fixture(autouse=True)
def nothing_leaks(find_leaks: FindLeaks) -> Iterator[None]:
    """After each case: no credential is anywhere, and no number outside of the tables of faxes."""
    yield
    assert find_leaks() == []


StartTrial = Callable[..., Trial]
StartServerTrial = Callable[..., ServerTrial]


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Path, list[dict[str, Any]]]]:
    """A warehouse file that holds some faxes of a provider, and those faxes; made once for each provider."""
    made: dict[str, tuple[Path, list[dict[str, Any]]]] = {}

    def fill(provider: str) -> tuple[Path, list[dict[str, Any]]]:
        if provider not in made:
            path = tmp_path_factory.mktemp(provider) / "warehouse.duckdb"
            made[provider] = path, fill_one(provider, {"DESTINATION__WAREHOUSE__CREDENTIALS": str(path)})
        return made[provider]

    return fill


@pytest.fixture
def trial(
    request: pytest.FixtureRequest, serve_fake: ServeFake, settings: Settings, warehouse: Path, sync: Sync
) -> StartTrial:
    """Starts a trial with a provider; `page_cap="200"` and other readings may follow."""
    place: Warehouse = File(warehouse)
    if getattr(request, "param", "duckdb") == "postgres":
        running: Server = request.getfixturevalue("postgres")
        place = Database(running, running.create())
    fill = request.getfixturevalue("filled" if isinstance(place, File) else "filled_database")
    settings |= place.settings()

    def start(provider: str, new: int = NEW, **switches: str) -> Trial:
        template, records = fill(provider)
        if isinstance(place, File):
            place.restore(File(template))
        else:
            place.restore(Database(place.server, template))
        served = serve_fake(provider, records, **EVERY_LIST.get(provider, {}) | switches)
        live_on(served, new)
        return Trial(served, settings, place, sync)

    return start


@pytest.fixture(scope="session")
def filled_database(postgres: Server) -> Callable[[str], tuple[str, list[dict[str, Any]]]]:
    """A database that holds some faxes of a provider, and those faxes; made once for each provider."""
    made: dict[str, tuple[str, list[dict[str, Any]]]] = {}

    def fill(provider: str) -> tuple[str, list[dict[str, Any]]]:
        if provider not in made:
            name = postgres.create()
            made[provider] = name, fill_one(provider, postgres.settings(name))
        return made[provider]

    return fill


@pytest.fixture
def server_trial(
    serve_fake: ServeFake,
    settings: Settings,
    postgres: Server,
    sync: Sync,
    filled_database: Callable[[str], tuple[str, list[dict[str, Any]]]],
) -> Callable[..., ServerTrial]:
    """Starts a trial on PostgreSQL with a provider."""

    def start(provider: str, new: int = NEW) -> ServerTrial:
        template, records = filled_database(provider)
        served = serve_fake(provider, records)
        live_on(served, new)
        settings["SYNC__BUSY_SECONDS"] = "0.3"
        return ServerTrial(served, settings, postgres, template, "", sync).anew()

    return start


def fill_one(provider: str, settings: dict[str, str]) -> list[dict[str, Any]]:
    """Loads some faxes into the warehouse of these settings, and gives them."""
    records = generated(provider, HELD, days=6)
    fake = import_module(f"sources.{provider}.fake").Fake(records)
    with serve(fake.answer) as server:
        run_once(provider, settings | settings_of(provider, fake, server.url))
    return records


def live_on(served: Served, new: int) -> None:
    """Faxes arrive, and some end."""
    served.fake.add(*more(served.provider, new))
    for id in served.fake.open_ids()[:3]:
        served.fake.settle_one(id)


def more(provider: str, count: int, days: float = 0.5, seed: int = 7) -> list[dict[str, Any]]:
    """So many new faxes, with ids of their own."""
    own = {"first_id": FIRST_NEW_ID + 10_000 * seed} if provider == "phaxio" else {}
    return generated(provider, count, days=days, seed=seed, **own)


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


BOTH_WAREHOUSES = {"transport", "down", "content", "pages_astray", "paging", "counts", "time", "instants"}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """What a provider or a network does is tried on either warehouse."""
    module = metafunc.module.__name__.rpartition(".test_")[2]
    if "trial" in metafunc.fixturenames and module in BOTH_WAREHOUSES:
        metafunc.parametrize("trial", KINDS, indirect=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Faults take minutes: they run with -m slow."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.slow)
