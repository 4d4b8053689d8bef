"""What a newcomer meets in the first hour: no environment yet, no data yet, and the end of the first run."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import sources
from pipelines.outcome.postgres_connect import explain_connection, grant_for
from tests.conftest import ROOT, ServeFake, Settings, SyncProcess, generated
from tests.support.commands.check_command import Check
from tests.support.environment import child_environment
from tests.support.pg_server import new_role
from tests.support.servers.postgres import Server
from tests.support.tiers import first_quick

OLD_PYTHON = """
import datetime, runpy, sys
del datetime.UTC                # came with Python 3.11
sys.modules["tomllib"] = None   # as well
sys.path.insert(0, "")          # in place of a script's own folder
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
SCRIPTS = sorted(path for path in (ROOT / "pipelines").glob("*.py") if "__main__" in path.read_text())


def test_there_are_scripts() -> None:
    assert {"sync", "check", "report"} < {path.stem for path in SCRIPTS}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_without_its_packages_a_command_says_what_to_run(script: Path) -> None:
    bare = [sys.executable, "-S", "-c", OLD_PYTHON, str(script)]
    ended = subprocess.run(bare, env=child_environment(), capture_output=True, text=True, check=False)

    assert (ended.returncode, ended.stderr.count("\n"), "uv run python" in ended.stderr) == (78, 1, True), ended.stderr


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_with_the_packages_of_an_earlier_version_a_command_says_what_to_run(script: Path, tmp_path: Path) -> None:
    (tmp_path / "dlt.py").touch()  # the others are missing
    environment = child_environment(PYTHONPATH=str(tmp_path))
    old = [sys.executable, "-S", str(script)]
    ended = subprocess.run(old, env=environment, capture_output=True, text=True, check=False)

    assert (ended.returncode, ended.stderr.count("\n")) == (78, 1), ended.stderr
    assert ended.stderr.startswith("msgspec is not installed for ")


def test_a_first_run_ends_with_commands_that_work_and_a_later_one_does_not(
    serve_fake: ServeFake, settings: Settings, sync_process: SyncProcess, tmp_path: Path
) -> None:
    serve_fake("phaxio", generated("phaxio", 3))
    settings["DESTINATION__WAREHOUSE__CREDENTIALS"] = str(tmp_path / "it's $HOME.duckdb")
    first, second = sync_process(), sync_process()
    (query,) = re.findall(r"^  (\S+ -c .*)$", first.stdout, re.MULTILINE)
    shown = subprocess.run(query, shell=True, env=child_environment(), capture_output=True, text=True, check=True)

    assert re.search(r"phaxio +│ +3 │", shown.stdout)
    assert (first.stdout.count("\n"), second.stdout.count("\n")) == (5, 1)


PYTHON = shlex.quote(sys.executable)
STARTED = {  # how check.py was started: the folder, the script, more of the environment, and what it says to run
    "in the project": (ROOT, "pipelines/check.py", {}, f"{PYTHON} pipelines/sync.py"),
    "by uv": (ROOT, "pipelines/check.py", {"UV": "/usr/bin/uv"}, "uv run python pipelines/sync.py"),
    "in its folder": (ROOT / "pipelines", "check.py", {}, f"{PYTHON} ./sync.py"),
    "from elsewhere": (Path("/"), str(ROOT / "pipelines/check.py"), {}, f"{PYTHON} {ROOT}/pipelines/sync.py"),
}


@pytest.mark.parametrize("form", first_quick([[], ["--json"]]), ids=["text", "json"])
@pytest.mark.parametrize("started", first_quick(STARTED))
def test_a_finding_names_the_command_as_the_user_starts_it(
    started: str, form: list[str], serve_fake: ServeFake, settings: Settings
) -> None:
    serve_fake("phaxio")
    folder, script, more, expected = STARTED[started]
    command = [sys.executable, script, *form]
    told = subprocess.run(
        command, env=child_environment(settings | more), cwd=folder, capture_output=True, text=True, check=False
    )

    assert f"nothing has been loaded yet: run {expected}" in told.stdout


def test_trying_the_connections_leaves_nothing_and_loads_nothing(
    serve_fake: ServeFake, check: Check, warehouse: Path
) -> None:
    served = serve_fake("phaxio", generated("phaxio", 3))
    exit_code, reports = check("--connections")

    assert (exit_code, [*reports], len(served.server.requests)) == (0, ["phaxio"], 1)
    assert [note.split(",")[0].split(":")[0] for note in reports["phaxio"]["notes"]] == [
        "credentials accepted",
        "warehouse opened",
    ]
    assert not warehouse.exists()


@pytest.mark.slow
def test_a_warehouse_that_does_not_answer_is_not_waited_for(
    serve_fake: ServeFake, check: Check, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    serve_fake("phaxio")
    settings |= {
        "SYNC__BUSY_SECONDS": "3000",
        "DESTINATION__WAREHOUSE__DESTINATION_TYPE": "postgres",
        "DESTINATION__WAREHOUSE__CREDENTIALS": "postgresql://postgres:secret-of-nobody@127.0.0.1:9/faxes",
    }
    exit_code, reports = check("--connections")

    assert (exit_code, "127.0.0.1:9 cannot be reached" in reports["phaxio"]["findings"][0]) == (65, True)
    assert "waiting up to 1 seconds" in caplog.text


@pytest.mark.parametrize("written", ["sources.phaxio.api_secert", "sources.phaixo.api_secret"])
def test_trying_the_connections_names_a_misspelt_setting(
    written: str, serve_fake: ServeFake, check: Check, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    serve_fake("phaxio")
    secrets = Path(settings["DLT_PROJECT_DIR"]) / ".dlt" / "secrets.toml"
    section, _, name = written.rpartition(".")
    secrets.touch(0o600)
    secrets.write_text(f'[{section}]\n{name} = "{settings.pop("SOURCES__PHAXIO__API_SECRET")}"\n')
    check("--connections")

    assert f"unknown setting {written} in {secrets} is ignored: did you mean sources.phaxio.api_secret?" in caplog.text


LACKING = {  # what the role may do -> the GRANTs that it lacks
    "nothing": ([], ["grant create on database {database} to"]),
    "only use the schemas": (
        ["create schema fax", "create schema fax_phaxio", "grant usage on schema fax, fax_phaxio to {role}"],
        ["grant usage, create on schema fax to", "grant usage, create on schema fax_phaxio to"],
    ),
    "only create in one of them": (
        ["create schema fax", "create schema fax_phaxio authorization {role}", "grant create on schema fax to {role}"],
        ["grant usage, create on schema fax to"],
    ),
    "only have the raw schema": (
        ["create schema fax_phaxio authorization {role}"],
        ["grant create on database {database} to"],
    ),
}


@pytest.mark.parametrize("may", LACKING)
def test_trying_the_connections_prints_the_grants_of_which_the_first_sync_lacks_any(
    may: str, serve_fake: ServeFake, check: Check, postgres: Server, database: str, role: str
) -> None:
    serve_fake("phaxio")
    names = {"database": database, "role": role}
    given, lacking = LACKING[may]
    for statement in given:
        postgres.query(database, statement.format(**names))
    exit_code, reports = check("--connections")
    (finding,) = reports["phaxio"]["findings"]
    printed = [grant.strip() for grant in finding.split(": ")[2].split(";")[:-1]]

    assert (exit_code, printed) == (65, [f'{grant.format(**names)} "{role}"' for grant in lacking])
    for grant in printed:
        postgres.query(database, grant)

    assert check("--connections")[0] == 0


@pytest.mark.slow
def test_a_role_that_reads_is_given_no_more_than_reading(
    serve_fake: ServeFake, sync_process: SyncProcess, settings: Settings, postgres: Server, database: str
) -> None:
    def ran(script: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, str(ROOT / "pipelines" / script)]
        return subprocess.run(command, env=child_environment(settings), capture_output=True, text=True, check=False)

    serve_fake("phaxio", generated("phaxio", 3))
    assert sync_process().returncode == 0
    with new_role(postgres, "reader") as reader:
        settings |= postgres.settings(database, reader)
        for script in ("report.py", "status.py"):
            refused = ran(script)
            _, _, grants = refused.stderr.strip().splitlines()[-1].split(": ")

            assert (refused.returncode, "create" in grants, grants.count("grant ")) == (69, False, 2), refused.stderr
        for grant in grants.split("; ")[:-1]:
            postgres.query(database, grant)

        assert [ran(script).returncode for script in ("report.py", "status.py")] == [0, 0]


def test_a_refused_key_is_named_with_its_settings(serve_fake: ServeFake, check: Check, settings: Settings) -> None:
    serve_fake("phaxio")
    settings["SOURCES__PHAXIO__API_KEY"] = "another"
    exit_code, reports = check("--connections")

    assert exit_code == 65
    assert reports["phaxio"]["findings"][0].endswith(": [sources.phaxio] api_key, api_secret in .dlt/secrets.toml")


@pytest.mark.slow
def test_a_dry_run_says_what_the_run_after_it_reads(
    serve_fake: ServeFake, settings: Settings, sync_process: SyncProcess, warehouse: Path
) -> None:
    served = serve_fake("signalwire", generated("signalwire", 30, days=80), compat="read")
    settings["SOURCES__SIGNALWIRE__START_DATE"] = f"{datetime.now(UTC) - timedelta(days=90):%Y-%m-%d}"
    planned = sync_process("--dry-run")

    assert re.search(r"would read \S+T00:00:00Z to \S+Z in at least \d+ requests?\n", planned.stdout)
    assert re.search(r"would read .* requests? \(compat_faxes\)\n", planned.stdout)
    assert (planned.returncode, warehouse.exists(), served.server.requests) == (0, False, [])
    sync_process()
    shutil.copy(warehouse, before := warehouse.with_suffix(".before"))
    asked = len(served.server.requests)
    planned = sync_process("--dry-run")

    assert "in about 1 request" in planned.stdout
    assert (before.read_bytes(), len(served.server.requests)) == (warehouse.read_bytes(), asked)


@pytest.mark.slow
def test_a_dry_run_counts_no_time_that_the_provider_no_longer_keeps(
    serve_fake: ServeFake, sync_process: SyncProcess
) -> None:
    served = serve_fake("sinch", generated("sinch", 3, days=80))
    planned = sync_process("--dry-run").stdout
    old = sync_process("--dry-run", "--since", "2023-06-01", "--until", "2023-07-01").stdout
    sync_process()
    floor, requests = sources.provider("sinch").api.history_floor(datetime.now(UTC)), len(served.server.requests)

    assert f"would read {floor:%Y-%m-%dT%H:%M:%SZ} to " in planned
    assert [int(least) <= requests for least in re.findall(r"in at least (\d+) requests", planned)] == [True]
    assert "would read nothing" in old


@pytest.mark.parametrize(
    ("reason", "code", "words"),
    [
        ("Name or service not known", 78, "there is no host nohost: see [destination.warehouse] credentials"),
        ("Temporary failure in name resolution", 75, "nohost (unknown host) cannot be reached"),
    ],
)
def test_a_host_that_does_not_exist_is_no_passing_fault(reason: str, code: int, words: str) -> None:
    error = explain_connection(f'could not translate host name "nohost" to address: {reason}')

    assert (error.exit_code, words in str(error)) == (code, True)


def test_the_grant_that_is_lacking_can_be_pasted() -> None:
    told = grant_for("permission denied for schema fax_phaxio", "fax_sync")

    assert told.startswith('grant usage, create on schema fax_phaxio to "fax_sync"; ')
    assert os.linesep not in told
