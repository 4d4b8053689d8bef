"""A backfill that a process of its own reads: the same rows, and whatever ends either process ends well."""

import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, Query, Served, ServeFake, Settings, Sync, generated
from faults.inject import broken
from faults.test_time import dated
from oracle import assert_holds

import sources
from sources import reader, relay, signalwire
from sources.client import Client
from sources.fake_server import Answer, FakeServer, Request, json_answer
from sources.limits import Limits
from sources.proving import Prover
from sources.walk import Walker
from sources.walked import Walked
from sources.window import Window

every_provider = pytest.mark.parametrize(
    "provider",
    # where a count lets a window hold thousands, several take a while to fill
    [pytest.param(name, marks=pytest.mark.slow if name == "phaxio" else ()) for name in sources.providers()],
)
PROGRAM = (sys.executable, str(ROOT / "sources" / "reader.py"))
Started = list["subprocess.Popen[bytes]"]


@pytest.fixture
def processes(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Started:
    """The processes that are started to read: with the first window that holds a fax."""
    settings["SOURCES__READER_PROCESS_FROM"] = "1"
    started: Started = []

    def start(*arguments: Any, **options: Any) -> "subprocess.Popen[bytes]":
        assert all(process.returncode is not None for process in started), "two at a time"
        started.append(subprocess.Popen(*arguments, **options))
        return started[-1]

    monkeypatch.setattr(relay, "Popen", start)
    return started


@pytest.fixture
def serve_history(serve_fake: ServeFake) -> Callable[..., Served]:
    """An account of which some windows are to be read."""

    def serve(provider: str = "signalwire") -> Served:
        return serve_fake(provider, generated(provider, 60_000 if provider == "phaxio" else 200, days=3000))

    return serve


def in_the_midst(served: Served, act: Callable[[], object]) -> None:
    """Has something happen while a request is answered that the other process has made."""
    honest, after = served.server.answer, 10 if len(served.fake.truth()) > 1000 else 6

    def answer(request: Request) -> Answer:
        if request.number == after:
            act()
        return honest(request)

    served.server.answer = answer


@every_provider
def test_every_fax_arrives_and_every_request_is_counted(
    provider: str, serve_history: Callable[..., Served], sync: Sync, processes: Started, warehouse: Path
) -> None:
    served = serve_history(provider)
    loaded = sync()

    assert (loaded.exit_code, len(processes), processes[0].returncode is not None) == (0, 1, True)
    assert loaded.accounts[provider]["requests"] == len(served.server.requests)
    assert_holds(warehouse, provider, served.fake.truth())
    again = sync()
    assert (again.accounts[provider]["new"], again.accounts[provider]["changed"], len(processes)) == (0, 0, 1)


@every_provider
def test_if_it_is_killed_the_rest_is_read_without_it(
    provider: str, serve_history: Callable[..., Served], sync: Sync, processes: Started, warehouse: Path
) -> None:
    served = serve_history(provider)
    in_the_midst(served, lambda: processes[0].kill())  # noqa: PLW0108  # there is none yet
    loaded = sync()

    assert (loaded.exit_code, len(processes), processes[0].returncode) == (0, 1, -signal.SIGKILL)
    assert "the process that reads pages ended early" in loaded.told
    assert_holds(warehouse, provider, served.fake.truth())


@pytest.mark.slow
def test_if_it_cannot_be_started_all_is_read_without_it(
    serve_history: Callable[..., Served], sync: Sync, processes: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = serve_history()
    monkeypatch.setattr(relay.sys, "executable", "/no/such/python")
    loaded = sync()

    assert (loaded.exit_code, processes) == (0, [])
    assert loaded.accounts["signalwire"]["new"] == len(served.fake.truth())


def test_what_it_is_refused_is_told_as_ever(
    serve_history: Callable[..., Served], sync: Sync, processes: Started
) -> None:
    served = serve_history()
    served.server.answer = lambda request: Answer(401) if processes else served.fake.answer(request)
    refused = sync()

    assert (refused.exit_code, len(processes), "check the key" in refused.told) == (77, 1, True)
    assert processes[0].returncode is not None


@pytest.mark.slow
def test_it_ends_before_all_is_read_anew_because_the_clock_was_wrong(
    serve_fake: ServeFake, sync: Sync, processes: Started, warehouse: Path, settings: Settings
) -> None:
    served = serve_fake("phaxio", generated("phaxio", 60_000, days=600))
    settings["SOURCES__PHAXIO__START_DATE"] = f"{datetime.now(UTC) - timedelta(days=610):%Y-%m-%d}"
    with broken(served, dated(timedelta(hours=2))):
        loaded = sync()

    assert (loaded.exit_code, len(processes), "set it" in loaded.told) == (0, 2, True)
    assert_holds(warehouse, "phaxio", served.fake.truth())


def order(settings: Settings, **options: Any) -> relay.Order:
    """To read all of a SignalWire project."""
    url, *credentials = (settings[f"SOURCES__SIGNALWIRE__{key}"] for key in ("BASE_URL", "PROJECT_ID", "API_TOKEN"))
    client = Client(url, tuple(credentials), "SignalWire", **options)  # type: ignore[arg-type]  # they are two
    prover = Prover(partial(signalwire.api.fetch_pages, client), signalwire.TABLE, "default")
    span = Window(signalwire.api.EARLIEST, datetime.now(UTC))
    widest = signalwire.api.WIDEST_WINDOW
    walker = Walker(prover, widest, client.connections, length=widest)
    return relay.Order(walker, client, span, takes_newer=True)


@pytest.mark.slow
def test_it_ends_if_nobody_listens(serve_history: Callable[..., Served], settings: Settings) -> None:
    serve_history()
    with subprocess.Popen(PROGRAM, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin and process.stdout
        process.stdout.close()
        pickle.dump(order(settings), process.stdin)
        process.stdin.flush()

        assert process.wait(60) == 1


@pytest.mark.slow
def test_it_ends_well_when_all_is_told(serve_history: Callable[..., Served], settings: Settings) -> None:
    served = serve_history()
    with subprocess.Popen(PROGRAM, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin and process.stdout
        pickle.dump(order(settings), process.stdin)
        process.stdin.flush()
        rows = 0
        while isinstance(came := pickle.load(process.stdout).came, Walked):
            rows += came.rows_taken

        assert (rows, came, process.wait(60)) == (len(served.fake.truth()), None, 0)


@pytest.mark.slow
def test_requests_keep_their_distance_when_one_process_takes_over(
    serve_history: Callable[..., Served], settings: Settings
) -> None:
    serve_history()
    slept: list[float] = []
    asked = order(settings, limits=Limits(requests_per_second=2.0), sleep=slept.append, clock=lambda: 100.0)
    reader.walk(asked, lambda report: None)

    assert slept[:3] == [0.5, 1.0, 1.5]


def test_what_is_not_to_be_kept_is_not_kept_by_it(
    serve_history: Callable[..., Served], sync: Sync, settings: Settings, processes: Started, query: Query
) -> None:
    serve_history()
    settings["PRIVACY__PHONE_NUMBERS"] = "drop"

    assert (sync().exit_code, len(processes)) == (0, 1)
    assert query('select count(*) > 0, count("from"), count("to") from fax_signalwire.fax_logs') == [(True, 0, 0)]


@pytest.mark.slow
def test_a_run_that_is_out_of_time_ends_it(
    serve_history: Callable[..., Served], sync: Sync, settings: Settings, processes: Started
) -> None:
    served = serve_history()
    settings["SYNC__ROWS_PER_LOAD"] = "1"
    in_the_midst(served, lambda: time.sleep(4))
    stopped = sync("--max-runtime", "0.05")

    assert (stopped.exit_code, len(processes), processes[0].returncode is not None) == (75, 1, True)


@pytest.mark.slow
@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGKILL, -9), (signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_it_ends_with_the_run(
    number: signal.Signals, exit_code: int, serve_history: Callable[..., Served], settings: Settings, tmp_path: Path
) -> None:
    served = serve_history()
    in_the_midst(served, lambda: time.sleep(60))
    settings["SOURCES__READER_PROCESS_FROM"] = "1"
    environment = {"PATH": os.defpath, "TMPDIR": str(tmp_path), **settings}
    command = [sys.executable, str(ROOT / "pipelines" / "sync.py")]
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL, start_new_session=True) as run:
        while len(served.server.requests) < 7:
            time.sleep(0.01)
        (child,) = children(run.pid)
        assert not any(value in command_line(child) for key, value in settings.items() if "TOKEN" in key)
        os.kill(run.pid, number) if number == signal.SIGKILL else os.killpg(run.pid, number)

        assert run.wait(20) == exit_code
    ends = time.monotonic() + 20
    while command_line(child) and time.monotonic() < ends:
        time.sleep(0.01)
    assert command_line(child) == ""


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def command_line(pid: int) -> str:
    """Nothing, if there is no such process."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


def test_a_client_goes_on_in_another_process_with_what_it_has_spent(server: FakeServer) -> None:
    answers = [Answer(503, headers={"Retry-After": "20"}), json_answer({"fine": True}), Answer(503)]
    server.answer = lambda request: answers[min(request.number, 2)]
    client = Client(server.url, ("user", "key"), "Phaxio", Limits(retry_seconds=20), sleep=lambda seconds: None)
    client.get("faxes")
    other: Client = pickle.loads(pickle.dumps(client))

    assert other.usage == client.usage
    with pytest.raises(sources.errors.ProviderDown):
        other.get("faxes")
    assert len(server.requests) == 3  # no patience is left


def test_the_process_does_without_dlt() -> None:
    asked = "import sys, importlib, sources, sources.reader as reader; reader._leave_out_packages(); "
    asked += "[importlib.import_module(f'sources.{name}.{part}') for name in sources.providers() "
    asked += "for part in ('api', 'columns')]; sys.exit('dlt' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", asked], cwd=ROOT, check=False).returncode == 0
