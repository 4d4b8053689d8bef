"""What the tests work with: fakes over real HTTP, a warehouse file of their own, the command in process and as one."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import uuid4

from tests.support.credentials import CREDENTIALS
from tests.support.environment import applied, child_environment, isolate, settings_of

isolate()  # before dlt is imported, which remembers where its settings are
import_module("pipelines")  # gives dlt its settings, as in a command

from pipelines.config import bootstrap  # noqa: F401  # isort: skip  # as the commands do, before dlt reads its own

import dlt
import pytest

from sources.fakes.server import FakeServer, json_answer, serve
from tests.support import leaks
from tests.support.servers.postgres import Server
from tests.support.tiers import other_cases
from tests.support.warehouse.file_and_database import Database, File, Warehouse
from tests.support.warehouse.raw_tables import make, refresh
from tests.support.warehouse.rows import rows

pytest_plugins = [
    f"tests.support.{name}"
    for name in ("pg_server", "commands.check_command", "commands.report_command", "leak_guard", "servers.tls_server")
]
dlt.config.get("sources.retry_seconds")  # dlt keeps the files that it reads first: those of no test
ROOT = Path(__file__).resolve().parent.parent
Settings = dict[str, str]
ServeFake = Callable[..., "Served"]
Query = Callable[..., list[tuple[Any, ...]]]
MakeWarehouse = Callable[..., Warehouse]
SyncProcess = Callable[..., "subprocess.CompletedProcess[str]"]


@dataclass
class Served:
    """A provider's fake and the server it answers through."""

    provider: str
    fake: Any
    server: FakeServer


@dataclass
class Synced:
    """How a run of the command ended; `said` is its machine-readable summary, None if it printed none."""

    exit_code: int
    told: str
    said: dict[str, Any] | None

    @property
    def summaries(self) -> list[dict[str, Any]]:
        """What the summary says of each account, in its order."""
        return [*self.said["accounts"]] if self.said else []

    @property
    def accounts(self) -> dict[str, dict[str, Any]]:
        """The same by provider, of which each has one account."""
        return {account["provider"]: account for account in self.summaries}


Sync = Callable[..., Synced]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the option that has every case of the slow tests run, of which a run of all tests has one of each."""
    parser.addoption("--every-case", action="store_true", help="every case of each slow test; before a release")


def pytest_configure(config: pytest.Config) -> None:
    """A run of the files that are named has all of their cases."""
    config.option.every_case |= config.args_source is pytest.Config.ArgsSource.ARGS


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out all but one case of each slow test."""
    if not config.option.every_case:
        left_out = other_cases(items)
        config.hook.pytest_deselected(items=[*left_out])
        items[:] = [item for item in items if item not in left_out]


@pytest.fixture
def warehouse(tmp_path: Path) -> Path:
    return tmp_path / "warehouse.duckdb"


@pytest.fixture
def settings(warehouse: Path, tmp_path: Path) -> Settings:
    """The environment of every run; a project directory of its own hides the secrets.toml of whoever runs the tests."""
    (tmp_path / "project" / ".dlt").mkdir(parents=True)
    (tmp_path / "project" / ".dlt" / "config.toml").write_bytes((ROOT / ".dlt" / "config.toml").read_bytes())
    return {
        "DLT_PROJECT_DIR": str(tmp_path / "project"),
        "DESTINATION__WAREHOUSE__CREDENTIALS": str(warehouse),
        "SOURCES__RETRY_SECONDS": "0",
        "RUNTIME__DLTHUB_TELEMETRY": "false",
    }


@pytest.fixture
def serve_fake(settings: Settings) -> Iterator[ServeFake]:
    """Serves a provider's fake with these records, readings and keys, and has the settings lead there."""
    with ExitStack() as stack:

        def start(provider: str, records: Any = (), **options: Any) -> Served:
            fake = import_module(f"sources.{provider}.fake").Fake(records, **CREDENTIALS.get(provider, {}) | options)
            server = stack.enter_context(serve(fake.answer))
            settings.update(settings_of(provider, fake, server.url))
            return Served(provider, fake, server)

        yield start


@pytest.fixture
def server() -> Iterator[FakeServer]:
    """A server that answers every request with a short JSON document."""
    with serve(lambda request: json_answer({"fine": True})) as running:
        yield running


@pytest.fixture
def sync(settings: Settings, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> Sync:
    """Runs the command in this process, and gives how it ended with all that it told on stdout, stderr and in logs."""

    def run(*arguments: str) -> Synced:
        from pipelines.sync import main

        capsys.readouterr()
        caplog.clear()
        with applied(settings):
            try:
                exit_code = main([*arguments, "--json"])
            except SystemExit as end:
                exit_code = int(str(end.code))
        out, err = capsys.readouterr()
        told = out + err + caplog.text
        assert leaks.in_text(told, settings) == []
        return Synced(exit_code, told, json.loads(out) if out else None)

    return run


@pytest.fixture
def sync_process(settings: Settings) -> SyncProcess:
    """Runs the command as a process of its own, with the settings and nothing else in its environment."""

    def run(
        *arguments: str, root: Path = ROOT, cwd: Path = ROOT, **environment: str
    ) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, str(root / "pipelines" / "sync.py"), *arguments]
        clean = child_environment(settings | environment)
        return subprocess.run(command, env=clean, cwd=cwd, capture_output=True, text=True, check=False)

    return run


@pytest.fixture
def query(warehouse: Path) -> Query:
    """Gives what a query answers in the warehouse, as any other program would read it."""

    def ask(sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        return rows(warehouse, sql, *parameters)

    return ask


@pytest.fixture(scope="module")
def warehouses(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> MakeWarehouse:
    """Gives a warehouse of either kind, with the raw tables of these providers and the views."""

    def made(kind: str, providers: tuple[str, ...] = ("phaxio", "signalwire")) -> Warehouse:
        place: Warehouse = File(tmp_path_factory.mktemp("made") / f"db_{uuid4().hex[:8]}.duckdb")
        if kind == "postgres":
            running: Server = request.getfixturevalue("postgres")
            place = Database(running, running.create())
        with place.writable() as connection:
            make(connection, providers)
        refresh(place.settings())
        return place

    return made


def generated(provider: str, count: int, days: float = 40, **options: Any) -> list[dict[str, Any]]:
    """So many plausible faxes of a provider, created within the days before now."""
    now = datetime.now(UTC)
    generate = import_module(f"sources.{provider}.fake").generate
    records: list[dict[str, Any]] = generate(count, start=now - timedelta(days=days), end=now, **options)
    return records
