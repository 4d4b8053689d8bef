"""What check.py and the sync say of Delta tables: the rows that count, and what is gone from them."""

import errno
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.config.bootstrap import as_typed
from sources.errors import Busy
from sources.extract.source import Source
from tests.conftest import ROOT, ServeFake, Settings, Sync, SyncProcess, generated
from tests.support.commands.check_command import Check
from tests.support.commands.privileges import without_privileges
from tests.support.environment import child_environment
from tests.support.lake import MISSING, into_delta, rows, versions
from tests.support.tiers import first_quick
from tests.support.warehouse.delta_lake import Lake

pytest.importorskip("deltalake", reason=MISSING)


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    return tmp_path / "lake"


@pytest.mark.slow
def test_faxes_count_whose_load_the_ledger_does_not_name(
    serve_fake: ServeFake, sync: Sync, check: Check, settings: Settings, lake: Path
) -> None:
    from deltalake import DeltaTable

    phaxio, signalwire = generated("phaxio", 20, days=2), generated("signalwire", 20, days=2)
    phaxio[0]["num_pages"] = "many"
    serve_fake("phaxio", phaxio)
    serve_fake("signalwire", signalwire).fake.delete(signalwire[0]["id"])
    with into_delta(settings, lake)():
        assert sync().exit_code == 0
        whole = check()
        for provider in ("phaxio", "signalwire"):
            ledger = DeltaTable(f"{lake}/fax_{provider}/sync_windows")
            ledger.update({"_dlt_load_id": "'another'"})  # what is left after seven days, or before a kill
        told = check()
        DeltaTable(f"{lake}/fax_phaxio/fax_recipients").delete("position = 0")
        found = check()

    assert told == whole
    assert (whole[0], [len(whole[1][name]["notes"]) for name in ("phaxio", "signalwire")]) == (0, [1, 1]), whole
    assert (found[0], "lack rows of fax_recipients" in str(found[1]["phaxio"]["findings"])) == (65, True), found


GONE = {
    "fax_recipients": 69,
    "fax_barcodes": 69,
    "faxes": 69,
    "sync_windows": 0,
    "sync_problems": 0,
    "schema_changes": 0,
    "sync_runs": 0,
    "sync_state": 0,
}


@pytest.mark.slow
@pytest.mark.parametrize("table", GONE)
def test_a_table_that_is_gone_is_made_again_or_told(
    table: str, serve_fake: ServeFake, sync: Sync, check: Check, settings: Settings, lake: Path
) -> None:
    serve_fake("phaxio", generated("phaxio", 60, days=40))
    with into_delta(settings, lake)():
        assert sync().exit_code == 0
        whole = tables(lake)
        shutil.rmtree(lake / "fax_phaxio" / table)
        with Lake(lake).opened() as held:
            windows = held.sql("select count(*) from fax.sync_windows").fetchall()
        read = check()
        synced = sync()
        if synced.exit_code:
            told = synced.accounts["phaxio"]["error"]
            assert f"fax_phaxio has no table {table}: it was removed, or this version brings it: run" in told
            assert told.endswith("--full-refresh to fill it")
            assert [told] == read[1]["phaxio"]["findings"]
            assert synced.accounts["phaxio"]["requests"] == 0
            report = [sys.executable, str(ROOT / "pipelines" / "report.py")]
            shown = subprocess.run(report, env=child_environment(settings), capture_output=True, text=True, check=False)
            assert (shown.returncode, f"fax_phaxio has no table {table}: it was removed" in shown.stderr) == (69, True)
            assert sync("--full-refresh").exit_code == 0
        checked = check()

    assert synced.exit_code == GONE[table]
    assert (windows == [(0,)]) == (table == "sync_windows")
    assert tables(lake) == whole
    assert (checked[0], checked[1]["phaxio"]["findings"]) == (0, [])


@pytest.mark.slow
@pytest.mark.parametrize("table", ["fax_recipients", "faxes"])
def test_a_refresh_that_does_not_end_is_completed_by_the_next_run(
    table: str, serve_fake: ServeFake, sync: Sync, settings: Settings, lake: Path
) -> None:
    for account, first in (("east", 1_000), ("west", 2_000)):
        serve_fake("phaxio", generated("phaxio", 30, days=40, seed=first, first_id=first), api_key=f"key-{first}")
        for key in ("API_KEY", "API_SECRET", "BASE_URL"):
            own = settings.pop(f"SOURCES__PHAXIO__{key}")
            settings[f"SOURCES__PHAXIO__ACCOUNTS__{account}__{key}".upper()] = own
    with into_delta(settings, lake)():
        assert sync().exit_code == 0
        whole = tables(lake)
        shutil.rmtree(lake / "fax_phaxio" / table)
        assert sync("--account", "east", "--full-refresh").exit_code == 0
        assert tables(lake) != whole
        assert [sync().exit_code for _ in range(2)] == [0, 0]
        commits = versions(lake)
        assert sync().exit_code == 0

    assert tables(lake) == whole
    assert versions(lake) == commits


DAMAGES: dict[str, tuple[str, Callable[[Path], object]]] = {
    "a file that is missing": ("*/*.parquet", Path.unlink),
    "a file of something else": ("*/*.parquet", lambda file: file.write_bytes(bytes(999))),
    "a log of something else": ("_delta_log/*.json", lambda file: file.write_text("{")),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_table_is_told_with_a_remedy_that_helps(
    name: str,
    serve_fake: ServeFake,
    sync: Sync,
    sync_process: SyncProcess,
    check: Check,
    settings: Settings,
    lake: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    from pipelines import report, status

    files, damage = DAMAGES[name]
    serve_fake("phaxio", generated("phaxio", 20, days=2))
    with into_delta(settings, lake)():
        assert sync().exit_code == 0
        whole, damaged = tables(lake), lake / "fax_phaxio" / "faxes"
        for file in damaged.glob(files):
            damage(file)
        dry, (code, told), synced = sync_process("--dry-run"), check(), sync()
        caplog.clear()
        with monkeypatch.context() as environment:
            for key, value in settings.items():
                environment.setenv(key, value)
            read = [command.main([]) for command in (report, status)]
        findings = told["phaxio"]["findings"]
        logged = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
        shutil.rmtree(damaged)
        assert sync("--full-refresh").exit_code == 0

    assert (dry.returncode, code, synced.exit_code, read) == (69, 65, 69, [69, 69])
    for text in (dry.stdout, *findings, *logged, synced.accounts["phaxio"]["error"]):
        assert "restore a damaged table from a backup, or else remove its directory and run" in text
    assert (len(findings), len(logged)) == (1, 2)
    assert f"{damaged.as_uri()}" in synced.accounts["phaxio"]["error"]
    assert tables(lake) == whole


@pytest.mark.slow
def test_tables_that_the_user_may_not_read_or_write_are_told(
    serve_fake: ServeFake, sync: Sync, settings: Settings, lake: Path
) -> None:
    before = without_privileges()
    served = serve_fake("phaxio", generated("phaxio", 20, days=2))
    faxes = lake / "fax_phaxio" / "faxes"

    def ended(command: str, *first: str) -> tuple[int, str]:
        run = [*before, *first, sys.executable, str(ROOT / "pipelines" / command)]
        environment = child_environment(settings, PATH=os.environ["PATH"])
        done = subprocess.run(run, env=environment, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    with into_delta(settings, lake)():
        assert sync().exit_code == 0
        lake.chmod(0o500)
        read_only = ended("check.py")
        lake.chmod(0)
        unreadable = [ended(command) for command in ("report.py", "status.py")]
        lake.chmod(0o700)
        served.fake.change(next(iter(served.fake.records)), cost=99)
        for directory in (faxes / "_delta_log", faxes / "account=default"):
            for mode, command in ((0o500, "sync.py"), (0, "report.py")):
                directory.chmod(mode)
                unreadable.append(ended(command))
                directory.chmod(0o700)
        few_files = [ended(name, "bash", "-c", 'ulimit -n 12; exec "$@"', "bash") for name in ("report.py", "check.py")]

    assert (read_only[0], f"{lake} cannot be written: check its owner" in read_only[1]) == (65, True)
    for code, told in unreadable:
        assert code == 74, told
        assert re.search(rf"{lake}\S* cannot be (read|opened): check its owner and its mode", told), told
    assert [code for code, _ in few_files] == [74, 65]  # deltalake panics: that is a finding of the account
    for _, told in few_files:
        assert ("too many open files: raise the limit" in told, "Traceback" in told) == (True, False)


def test_a_reader_whose_files_retention_has_deleted_is_told_to_run_again(
    serve_fake: ServeFake, sync: Sync, settings: Settings, lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipelines.lake import reading

    serve_fake("phaxio", generated("phaxio", 20, days=70))
    with into_delta(settings, lake)():
        assert sync().exit_code == 0
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        settings["PRIVACY__KEEP_DAYS"] = "30"
        with pytest.raises(Busy, match="run again"), reading.opened() as read:
            assert sync().accounts["phaxio"]["purged"] > 0
            read("select * from fax.faxes")


def test_a_run_on_spark_names_its_own_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/srv/fax-warehouse/pipelines/spark_sync.py"])

    assert as_typed("run sync.py --full-refresh").endswith("/spark_sync.py --full-refresh")
    assert as_typed("run check.py").endswith("/check.py")


def test_a_task_that_lacks_memory_or_files_says_what_to_raise() -> None:
    """A task of an executor, which has no dlt, maps its errors by itself."""
    from pipelines.lake.errors import to_fax_sync_error

    lacking = [
        MemoryError(),
        OSError(errno.EMFILE, os.strerror(errno.EMFILE)),
        OSError("Too many open files (os error 24)"),
    ]
    told = [to_fax_sync_error(error) for error in lacking]

    assert [error and error.exit_code for error in told] == [74, 74, 74]
    assert ["out of memory" in str(told[0]), *("ulimit -n" in str(error) for error in told[1:])] == [True, True, True]


PROPERTIES: dict[str, dict[str, object]] = {
    "append-only": {"delta.appendOnly": "true"},
    "deletion vectors": {"readerFeatures": ["deletionVectors"], "writerFeatures": ["deletionVectors"]},
    "of the future": {"readerFeatures": ["unheardOf"], "writerFeatures": ["unheardOf"]},
}


@pytest.mark.parametrize("name", first_quick(PROPERTIES))
def test_a_property_of_another_program_is_told_as_such(
    name: str, serve_fake: ServeFake, sync: Sync, settings: Settings, lake: Path
) -> None:
    """Nothing is damaged, so that no message says to remove the table."""
    from deltalake import DeltaTable

    properties = PROPERTIES[name]
    served = serve_fake("phaxio", generated("phaxio", 20, days=2))
    with into_delta(settings, lake)():
        assert sync().exit_code == 0
        table = DeltaTable(lake / "fax_phaxio" / "faxes")
        if "readerFeatures" in properties:
            protocol = {"protocol": {"minReaderVersion": 3, "minWriterVersion": 7, **properties}}
            log = lake / "fax_phaxio" / "faxes" / "_delta_log" / f"{table.version() + 1:020}.json"
            log.write_text(json.dumps({"commitInfo": {"timestamp": 0}}) + "\n" + json.dumps(protocol))
        else:
            table.alter.set_table_properties({name: str(value) for name, value in properties.items()})
        served.fake.change(next(iter(served.fake.records)), cost=99)
        synced = sync()

    assert synced.exit_code == 69
    assert "another program has given the table a property" in synced.accounts["phaxio"]["error"]
    assert "remove its directory" not in synced.told


def tables(lake: Path) -> dict[str, list[str]]:
    """The keys of all rows of each table of faxes, sorted."""
    table = Source("phaxio").table
    return {
        name: sorted(str((row["account"], row["_dlt_id"])) for row in rows(lake, "phaxio", name))
        for name in (table.name, *(child.name for child in table.children))
    }
