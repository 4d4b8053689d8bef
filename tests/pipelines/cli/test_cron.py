"""The command as cron starts it: another directory, hardly any environment, no home, another zone and language."""

import os
import shlex
import stat
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from sources import providers
from tests.conftest import ROOT, Query, ServeFake, Settings, SyncProcess, generated
from tests.support.environment import child_environment
from tests.support.warehouse.oracle import assert_holds

CRON = {"PATH": "/usr/bin:/bin", "LANG": "C", "LC_ALL": "C", "TZ": "America/Chicago"}


@pytest.mark.slow
def test_cron_fills_the_same_file_with_the_same_rows(
    serve_fake: ServeFake, settings: Settings, tmp_path: Path, warehouse: Path, query: Query
) -> None:
    served = [serve_fake(provider, generated(provider, 40)) for provider in providers()]
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    command = [sys.executable, str(ROOT / "pipelines" / "sync.py")]
    done = subprocess.run(
        command,
        env=child_environment(settings | CRON),
        cwd=elsewhere,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )

    assert (done.returncode, done.stderr) == (0, "")
    for one in served:
        assert_holds(warehouse, one.provider, one.fake.truth())
    assert list(elsewhere.iterdir()) == []
    assert "+1" not in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sync", "check"])
def test_a_current_directory_that_was_removed_is_not_needed(
    name: str, serve_fake: ServeFake, settings: Settings, tmp_path: Path
) -> None:
    serve_fake("phaxio", generated("phaxio", 3))
    removed = tmp_path / "removed"
    command = shlex.join([sys.executable, str(ROOT / "pipelines" / f"{name}.py")])
    shell = ["sh", "-c", f"mkdir {removed} && cd {removed} && rmdir {removed} && exec {command}"]
    done = subprocess.run(shell, env=child_environment(settings), capture_output=True, text=True, check=False)

    assert (done.returncode, "unexpected" in done.stdout + done.stderr) == (0 if name == "sync" else 65, False)


@pytest.mark.slow
def test_a_relative_warehouse_lies_in_the_project_wherever_cron_starts(
    serve_fake: ServeFake, settings: Settings, sync_process: SyncProcess, tmp_path: Path
) -> None:
    serve_fake("phaxio", generated("phaxio", 3))
    home = tmp_path / "local"
    home.mkdir()
    settings |= {"DESTINATION__WAREHOUSE__CREDENTIALS": "warehouse.duckdb", "DLT_LOCAL_DIR": str(home)}
    done = sync_process(cwd=Path("/"))

    assert (done.returncode, (home / "warehouse.duckdb").exists()) == (0, True)


@pytest.mark.slow
def test_without_a_setting_the_warehouse_is_a_file_of_the_project(
    serve_fake: ServeFake, settings: Settings, sync_process: SyncProcess, tmp_path: Path
) -> None:
    serve_fake("phaxio", generated("phaxio", 3))
    del settings["DESTINATION__WAREHOUSE__CREDENTIALS"]
    done = sync_process(cwd=Path("/"), DLT_LOCAL_DIR=str(tmp_path))

    assert (done.returncode, (tmp_path / "warehouse.duckdb").exists()) == (0, True)


@pytest.mark.slow
def test_a_process_and_one_run_within_another_agree(
    serve_fake: ServeFake, sync_process: SyncProcess, query: Query
) -> None:
    serve_fake("phaxio", generated("phaxio", 30))
    sync_process(TZ="America/Chicago")
    before = query("select * from fax_phaxio.faxes order by id")
    done = sync_process("--json", TZ="Asia/Tokyo")

    assert (0, before) == (done.returncode, query("select * from fax_phaxio.faxes order by id"))
    assert '"new": 0, "changed": 0' in done.stdout


@pytest.mark.slow
def test_the_warehouse_is_nobody_elses_to_read(
    serve_fake: ServeFake, sync_process: SyncProcess, warehouse: Path
) -> None:
    serve_fake("phaxio", generated("phaxio", 3))
    before = os.umask(0o000)
    try:
        sync_process()
    finally:
        os.umask(before)

    files = {path.name: stat.S_IMODE(path.stat().st_mode) for path in warehouse.parent.iterdir() if path.is_file()}
    assert {0o600} == set(files.values())
    assert warehouse.name in files


@pytest.mark.slow
def test_no_working_directory_is_left_behind(serve_fake: ServeFake, sync_process: SyncProcess, tmp_path: Path) -> None:
    serve_fake("phaxio", generated("phaxio", 3))
    (tmp_path / "tmp").mkdir()
    (tmp_path / "home").mkdir()
    done = sync_process(TMPDIR=str(tmp_path / "tmp"), HOME=str(tmp_path / "home"))

    assert (done.returncode, list((tmp_path / "tmp").iterdir()), list((tmp_path / "home").iterdir())) == (0, [], [])


@pytest.mark.parametrize("arguments", [(), ("--json",)], ids=str)
def test_without_any_account_the_exit_code_is_that_of_a_configuration(
    arguments: tuple[str, ...], sync_process: SyncProcess
) -> None:
    done = sync_process(*arguments)

    assert (done.returncode, done.stdout, "--demo" in done.stderr) == (78, "", True)


@pytest.mark.slow
def test_a_file_that_a_notebook_holds_is_to_be_tried_again_later(
    serve_fake: ServeFake, settings: Settings, sync_process: SyncProcess, warehouse: Path
) -> None:
    served = serve_fake("phaxio", generated("phaxio", 3))
    settings["SYNC__BUSY_SECONDS"] = "0"
    with duckdb.connect(str(warehouse)):
        done = sync_process()

    assert (done.returncode, served.server.requests) == (75, [])
    assert sync_process().returncode == 0


@pytest.mark.slow
def test_a_run_imports_no_pandas_where_it_is_installed(
    serve_fake: ServeFake, sync_process: SyncProcess, tmp_path: Path, warehouse: Path
) -> None:
    (tmp_path / "pandas.py").write_text("import os\nos._exit(99)\n")
    served = serve_fake("phaxio", generated("phaxio", 3))
    done = sync_process(PYTHONPATH=str(tmp_path))

    assert (done.returncode, done.stderr.count("Traceback")) == (0, 0), done.stderr
    assert_holds(warehouse, "phaxio", served.fake.truth())
