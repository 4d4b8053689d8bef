"""What a sync shows: lines that move and a table on a terminal, a line each minute in a log, nothing if it is quiet."""

import os
import pty
import re
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from importlib import import_module
from itertools import accumulate, chain, count
from typing import Any

import pytest

from pipelines.cli import progress
from pipelines.cli.progress_figures import figures
from sources.extract.source import Source
from sources.fakes.server import Answer, FakeServer, Request, json_answer
from sources.http.client import Client
from sources.http.limits import Limits
from sources.load.run import Run
from tests.conftest import ROOT, ServeFake, Settings, Sync, SyncProcess, generated
from tests.support.clock import Clock
from tests.support.environment import child_environment
from tests.support.tiers import first_quick

COMMAND = [sys.executable, str(ROOT / "pipelines" / "sync.py")]
LINE = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ phaxio: 3 new, 0 changed, 0 unchanged; 2 requests, [\d.]+ s; proven .*"
)


def on_terminal(environment: dict[str, str]) -> str:
    """What the command shows on a terminal of 80 columns."""
    child, terminal = pty.fork()
    if child == 0:
        os.execve(sys.executable, COMMAND, environment | {"TERM": "xterm", "COLUMNS": "80", "LINES": "40"})
    shown = b""
    try:
        while more := os.read(terminal, 1 << 16):
            shown += more
    except OSError:
        pass  # the terminal's other end is closed
    os.waitpid(child, 0)
    return shown.decode()


@pytest.mark.parametrize("colour", first_quick([True, False]))
def test_on_a_terminal_a_failure_is_red_and_has_a_line_of_its_own(
    colour: bool, serve_fake: ServeFake, settings: Settings
) -> None:
    serve_fake("phaxio", generated("phaxio", 3))
    serve_fake("signalwire")
    settings["SOURCES__SIGNALWIRE__API_TOKEN"] = "another"
    shown = on_terminal(child_environment(settings | ({} if colour else {"NO_COLOR": "1"})))
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown)

    assert re.search(r"account +new +changed +same +time +result +up to \(UTC\)", plain)
    assert re.search(r"phaxio +3 +0 +0 +[\d.]+ s +proven complete +\d{4}-\d\d-\d\d \d\d:\d\d", plain)
    assert re.search(r"signalwire +0 +0 +0 +[\d.]+ s +FAILED", plain)
    assert re.search(r"\r\nsignalwire: .*refused the credentials", plain)
    assert ("\x1b[1;31msignalwire" in shown) == colour
    assert re.search(r"account +done +faxes +/s +read to +left +now", plain)
    assert re.search(r"phaxio +100 % +3 +[\d,]+ +\d{4}-\d\d-\d\d +(loading|making the views)", plain)
    assert re.search(r"\n\d+ requests?, \d+ MB of memory", plain)


@pytest.mark.slow
def test_the_memory_shown_is_not_that_of_the_program_that_started_the_command() -> None:
    shows = "from pipelines.cli.progress_screen import peak_megabytes; print(peak_megabytes())"
    held = b"x" * 2**29

    shown = subprocess.run([sys.executable, "-c", shows], cwd=ROOT, capture_output=True, check=True)

    assert 0 < int(shown.stdout) < len(held) / 2**20


@pytest.mark.slow
def test_in_a_file_each_account_has_one_line_with_the_time(
    serve_fake: ServeFake, settings: Settings, sync_process: SyncProcess
) -> None:
    serve_fake("phaxio", generated("phaxio", 3))
    first, *_ = sync_process().stdout.splitlines()

    assert LINE.fullmatch(first)


@pytest.mark.slow
def test_a_quiet_run_prints_news_and_failures_only(
    serve_fake: ServeFake, settings: Settings, sync_process: SyncProcess
) -> None:
    serve_fake("phaxio", generated("phaxio", 3))
    first, second = sync_process("--quiet"), sync_process("--quiet")
    settings["SOURCES__PHAXIO__API_KEY"] = "another"
    third = sync_process("--quiet")

    assert (LINE.fullmatch(first.stdout.strip()) is not None, first.stderr) == (True, "")
    assert (second.returncode, second.stdout, second.stderr) == (0, "", "")
    assert (third.returncode, "FAILED: " in third.stdout, third.stderr) == (77, True, "")


def progress_events(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """The figures that the log has of a run under way."""
    fields = (getattr(record, "fields", {}) for record in caplog.records)
    return [event for event in fields if event.get("event") == "progress"]


@pytest.mark.slow
def test_the_percentage_is_of_the_faxes_where_the_provider_counts(
    serve_fake: ServeFake,
    sync: Sync,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(progress, "LOG_SECONDS", 0.001)
    served = serve_fake("phaxio", generated("phaxio", 2500))
    settings["SOURCES__PHAXIO__CONNECTIONS"] = "1"
    answer, answered = served.server.answer, count()

    def after_the_figures(request: Request) -> Answer:
        """Lets no page come before the log says how far the pages before it have brought the run."""
        faxes, deadline = 1000 * next(answered), time.monotonic() + 30
        while not any(event["faxes"] == faxes for event in progress_events(caplog)) and time.monotonic() < deadline:
            time.sleep(0.001)
        return answer(request)

    served.server.answer = after_the_figures
    sync()
    shares = {(event["faxes"], event["percent"]) for event in progress_events(caplog)}

    assert {(0, None), (1000, 40), (2000, 80), (2500, 100)} <= shares


YEAR = 365
ACCOUNTS = {  # faxes of the days from ... to ... ago
    "growing": [(200, 10 * YEAR, 7 * YEAR), (3_000, 7 * YEAR, 3 * YEAR), (12_000, 3 * YEAR, 0)],
    "shrinking": [(12_000, 10 * YEAR, 7 * YEAR), (3_000, 7 * YEAR, 3 * YEAR), (200, 3 * YEAR, 0)],
    "with a burst": [(500, 10 * YEAR, YEAR), (12_000, YEAR, YEAR - 30), (2_000, YEAR - 30, 0)],
}


@pytest.mark.slow
@pytest.mark.parametrize("name", ACCOUNTS)
def test_the_percentage_never_goes_back_and_is_little_above_the_truth(
    name: str, serve_fake: ServeFake, sync: Sync, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(progress, "LOG_SECONDS", 0.01)
    now = datetime.now(UTC)
    pieces = [
        import_module("sources.phaxio.fake").generate(
            faxes, start=now - timedelta(days=since), end=now - timedelta(days=until), first_id=10**8 * number
        )
        for number, (faxes, since, until) in enumerate(ACCOUNTS[name], start=1)
    ]
    serve_fake("phaxio", faxes := list(chain(*pieces)))
    sync()
    events = progress_events(caplog)
    most = accumulate((event["faxes"] for event in events), max)  # a window that is split is read again
    shown = zip((event["percent"] for event in events), (100 * count / len(faxes) for count in most), strict=True)
    shares = [(percent, truth) for percent, truth in shown if percent is not None]

    assert [percent for percent, _ in shares] == sorted(percent for percent, _ in shares)
    assert max(percent - truth for percent, truth in shares) < 20
    assert (events[-1]["percent"], events[-1]["faxes"]) == (100, len(faxes))


def test_a_wait_says_who_asked_for_it(server: FakeServer) -> None:
    clock, told = Clock(), list[str]()
    answers = [Answer(503), Answer(503), Answer(429, headers={"Retry-After": "12"}), json_answer({})]
    server.answer = lambda request: answers[request.number]

    def sleep(seconds: float) -> None:
        told.append(figures("phaxio", run, 0.0).doing)
        clock.sleep(seconds)

    client = Client(server.url, ("user", "key"), "Someone", Limits(), sleep=sleep, clock=clock)
    run = Run(None, Source("phaxio"), client, None, datetime.now(UTC))  # type: ignore[arg-type]  # of which nothing is shown
    client.get("faxes")

    assert told == [
        "waiting 1 s to try again",
        "waiting 2 s to try again",
        "waiting 12 s because the provider asked",
    ]
    assert figures("phaxio", run, 0.0).doing == "reading, slowed by the provider to a request every 5 s"


@pytest.mark.slow
def test_a_long_run_has_figures_in_the_log(
    serve_fake: ServeFake,
    sync: Sync,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(progress, "LOG_SECONDS", 0.001)
    served = serve_fake("signalwire", generated("signalwire", 40, days=200))
    settings["SOURCES__SIGNALWIRE__START_DATE"] = f"{datetime.now(UTC) - timedelta(days=400):%Y-%m-%d}"
    sync()
    events = progress_events(caplog)
    last = events[-1]

    assert (last["account"], last["faxes"], last["requests"]) == ("signalwire", 40, len(served.server.requests))
    assert {"reading", "loading"} <= {event["doing"] for event in events}
    assert last["percent"] == 100
