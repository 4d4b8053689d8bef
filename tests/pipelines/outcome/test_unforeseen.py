"""An error that no code expects is reported in one line and stops nothing else; no command ends with a traceback."""

import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import version
from typing import Any

import pytest

import sources
import sources.phaxio.api
from pipelines import describe, report
from pipelines.costs import figures
from pipelines.outcome import account_outcome
from pipelines.outcome.account_outcome import Outcome
from sources.fakes.server import json_answer
from sources.http.client import Client
from tests.conftest import ROOT, Query, Served, ServeFake, Settings, Sync, generated
from tests.support.commands.check_command import Check
from tests.support.environment import child_environment
from tests.support.tiers import first_quick, quick_ones

NUMBER = "+12065550100"
REPORT = re.compile(r"unexpected KeyError at (sources|pipelines)/[\w/]+\.py:\d+ [\w<>]+: please report this")
Patch = pytest.MonkeyPatch


def fail(*_: Any, **__: Any) -> Iterator[Any]:
    """What a fault of ours might look like: the error quotes a value of the data."""
    raise KeyError(NUMBER)


@pytest.mark.slow
@pytest.mark.parametrize("log_format", first_quick(["text", "json"]))
def test_an_unforeseen_error_of_one_account_leaves_the_others_loaded(
    log_format: str, serve_fake: ServeFake, sync: Sync, query: Query, monkeypatch: Patch
) -> None:
    assert [serve_fake(provider, generated(provider, 5)) for provider in sources.providers()]
    assert sync("--provider", "phaxio").exit_code == 0
    monkeypatch.setattr(sources.phaxio.api, "fetch_pages", fail)
    synced = sync("--log-format", log_format)

    assert synced.exit_code == synced.accounts["phaxio"]["exit_code"] == 70
    assert REPORT.search(synced.accounts["phaxio"]["error"])
    assert (NUMBER in synced.told, "Traceback" in synced.told) == (False, False)
    assert query("select count(*) from fax.faxes where provider = 'signalwire'") == [(5,)]
    assert query("select exit_code from fax_phaxio.sync_runs order by started_at") == [(0,), (70,)]


def test_an_unforeseen_error_with_a_package_that_was_never_tried_names_it_first(
    serve_fake: ServeFake, sync: Sync, monkeypatch: Patch
) -> None:
    serve_fake("phaxio", generated("phaxio", 5))
    monkeypatch.setattr(sources.phaxio.api, "fetch_pages", fail)
    monkeypatch.setattr("pipelines.config.packages.version", lambda name: version(name) if name != "dlt" else "9.9.9")
    told = sync().accounts["phaxio"]["error"]

    assert re.search(
        r": dlt 9.9.9 is not a tested version: run uv sync, or install dlt\S+; else please report this", told
    )


@pytest.mark.slow
@pytest.mark.parametrize("verbose", first_quick([True, False]))
def test_the_traceback_of_an_unforeseen_error_needs_verbose(
    verbose: bool, serve_fake: ServeFake, settings: Settings
) -> None:
    serve_fake("phaxio", generated("phaxio", 5))
    faulty = "import sys; from pipelines import sync; import sources.phaxio.api as api; "
    faulty += f"api.fetch_pages = lambda *_: {{}}[{NUMBER!r}]; sys.exit(sync.main({['--verbose'] * verbose}))"
    ended = subprocess.run(
        [sys.executable, "-c", faulty],
        cwd=ROOT,
        env=child_environment(settings),
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ended.returncode, "Traceback" in ended.stderr) == (70, verbose)
    assert NUMBER not in ended.stdout + ended.stderr


@pytest.mark.parametrize(("status", "exit_code"), first_quick([(401, 77), (422, 70), (503, 70), (200, 70)], 2))
def test_an_unforeseen_error_comes_before_all_but_settings_and_credentials(
    status: int, exit_code: int, serve_fake: ServeFake, sync: Sync, monkeypatch: Patch
) -> None:
    serve_fake("phaxio")
    served = serve_fake("signalwire")
    if status != 200:
        served.server.answer = lambda request: json_answer({"error": "no"}, status)
    monkeypatch.setattr(sources.phaxio.api, "fetch_pages", fail)

    assert sync().exit_code == exit_code


@pytest.mark.slow
def test_connections_that_cannot_be_closed_fail_no_run(serve_fake: ServeFake, sync: Sync, monkeypatch: Patch) -> None:
    for provider in sources.providers():
        serve_fake(provider, generated(provider, 5))
    monkeypatch.setattr(Client, "close", fail)

    assert sync().exit_code == 0


@pytest.mark.slow
def test_a_summary_that_cannot_be_told_is_no_traceback(serve_fake: ServeFake, sync: Sync, monkeypatch: Patch) -> None:
    serve_fake("phaxio", generated("phaxio", 5))
    monkeypatch.setattr(Outcome, "as_json", fail)
    synced = sync()

    assert (synced.exit_code, bool(REPORT.search(synced.told)), "Traceback" in synced.told) == (70, True, False)


@pytest.mark.parametrize("host", first_quick(["a" * 64 + ".example", "..", "127.0.0.1:1"]))
def test_a_watcher_whose_address_no_library_likes_fails_no_run(
    host: str, serve_fake: ServeFake, sync: Sync, settings: Settings
) -> None:
    serve_fake("phaxio", generated("phaxio", 5))
    settings["NOTIFY__PING_URL"] = f"https://{host}/uuid"

    assert sync().exit_code == 0


@pytest.mark.slow
def test_check_reports_an_unforeseen_error_of_one_account_and_looks_at_the_others(
    served: Served, serve_fake: ServeFake, sync: Sync, check: Check, monkeypatch: Patch
) -> None:
    serve_fake("signalwire", generated("signalwire", 5, days=2))
    assert sync().exit_code == 0
    monkeypatch.setattr(sources.phaxio.api, "count_this_month", fail)
    exit_code, told = check()

    assert exit_code == 70
    assert REPORT.search(told["phaxio"]["findings"][-1])
    assert told["signalwire"]["findings"] == []


COMMANDS: dict[str, tuple[Callable[[list[str]], int], Any, str]] = {
    "report": (report.main, figures, "MonthFigures"),
    "describe": (describe.main, describe, "raw_tables"),
}


@pytest.mark.usefixtures("served")
@pytest.mark.parametrize("name", COMMANDS)
def test_other_commands_report_an_unforeseen_error_in_one_line(
    name: str, settings: Settings, caplog: pytest.LogCaptureFixture, monkeypatch: Patch
) -> None:
    main, module, function = COMMANDS[name]
    for key, value in settings.items():
        monkeypatch.setenv(key, value)
    monkeypatch.setattr(module, function, fail)
    caplog.clear()

    assert main([]) == 70
    told = " ".join(record.getMessage() for record in caplog.records if record.levelname == "ERROR")
    assert (bool(REPORT.search(told)), NUMBER in told) == (True, False)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("redirect", "exit_code"),
    quick_ones(
        [(">&-", "0"), ("2>&-", "0"), (">&- 2>&-", "0"), ("> /dev/full", "74"), ("2>/dev/full", "0")],
        [("> /dev/full", "74")],
    ),
)
def test_a_command_without_a_place_to_write_to_ends_with_its_code(
    redirect: str, exit_code: str, serve_fake: ServeFake, settings: Settings
) -> None:
    serve_fake("phaxio", generated("phaxio", 3))
    sync = shlex.join([sys.executable, str(ROOT / "pipelines" / "sync.py")])
    command = f"{sync} {redirect}; echo $? >&9"
    bash = ["bash", "-c", f"exec 9>&1; ({command}) 2>&1"]
    ended = subprocess.run(bash, env=child_environment(settings), capture_output=True, text=True, check=True)

    assert (ended.stdout.split()[-1], "Traceback" in ended.stdout, "Error" in ended.stdout) == (exit_code, False, False)


@pytest.mark.slow
def test_a_terminal_that_lacks_a_letter_is_told_all_the_same(serve_fake: ServeFake, settings: Settings) -> None:
    serve_fake("phaxio").server.answer = lambda request: json_answer({"message": f"nothing for {NUMBER} – no"}, 422)
    environment = child_environment(settings, PYTHONIOENCODING="ascii", PYTHONUTF8="0", LC_ALL="C")
    command = [sys.executable, str(ROOT / "pipelines" / "sync.py"), "--verbose"]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    assert (ended.returncode, "UnicodeEncodeError" in ended.stderr, "FAILED" in ended.stdout) == (65, False, True)


def test_the_place_of_an_error_is_the_innermost_of_ours() -> None:
    from pipelines.outcome.unforeseen import always_fax_sync_error

    try:
        account_outcome.completeness(None)  # type: ignore[arg-type]  # the error
    except AttributeError as error:
        told = str(always_fax_sync_error(RuntimeError("wrapped").with_traceback(None)))
        assert "outside of this project" in told
        assert re.search(
            r"AttributeError at pipelines/outcome/account_outcome\.py:\d+ completeness:",
            str(always_fax_sync_error(error)),
        )
    else:
        pytest.fail("nothing was raised")
