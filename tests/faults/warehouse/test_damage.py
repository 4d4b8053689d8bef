"""A warehouse file that is damaged, foreign, old or gone: it is told and left alone, or filled again."""

import shutil
import sqlite3
from hashlib import sha256
from pathlib import Path
from typing import Any

import duckdb
import pytest

import sources
from tests.faults.conftest import StartTrial, Trial
from tests.support.warehouse.file_and_database import File
from tests.support.warehouse.oracle import assert_holds
from tests.support.warehouse.rows import content, rows

ZEROS = bytes(4096)


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def beheaded(path: Path) -> None:
    path.write_bytes(ZEROS * 3 + path.read_bytes()[len(ZEROS) * 3 :])


def foreign(path: Path) -> None:
    path.unlink()
    connection = sqlite3.connect(path)
    connection.execute("create table faxes (id integer)")
    connection.close()


def directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGES: dict[str, Any] = {
    "truncated": truncated,
    "without its header": beheaded,
    "of another program": foreign,
    "empty": lambda path: path.write_bytes(b""),
    "one byte": lambda path: path.write_bytes(b"\0"),
    "text": lambda path: path.write_text("id,status\n1,success\n" * 999),
    "a directory": directory,
}


def digest(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest() if path.is_file() else "no file"


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_file_is_told_and_not_touched(name: str, trial: StartTrial, tmp_path: Path) -> None:
    started = trial("phaxio")
    whole = tmp_path / "whole.duckdb"
    shutil.copyfile(started.warehouse, whole)
    DAMAGES[name](started.warehouse)
    before = digest(started.warehouse)
    synced = started.sync()

    expected = 78 if name == "a directory" else 69
    assert (expected, before, []) == (synced.exit_code, digest(started.warehouse), started.served.server.requests)
    assert "Traceback" not in synced.told
    if started.warehouse.is_dir():
        started.warehouse.rmdir()
    shutil.copyfile(whole, started.warehouse)
    started.recovers()


@pytest.mark.slow
def test_a_block_flipped_within_the_file_ends_in_words_or_does_no_harm(trial: StartTrial, tmp_path: Path) -> None:
    started = trial("phaxio")
    whole = started.warehouse.read_bytes()
    for at in range(12_288, len(whole) - 4096, len(whole) // 9):
        started.warehouse.write_bytes(whole[:at] + b"\xa5" * 4096 + whole[at + 4096 :])
        synced = started.sync()

        assert (synced.exit_code in (0, 69), "Traceback" in synced.told) == (True, False), (at, synced.told[-500:])
        Path(f"{started.warehouse}.wal").unlink(missing_ok=True)
    started.warehouse.write_bytes(whole)
    started.recovers()


def test_a_log_beside_the_file_that_is_not_its_own_is_told_or_passed_over(trial: StartTrial) -> None:
    started = trial("phaxio")
    log = Path(f"{started.warehouse}.wal")
    for garbage in (b"garbage" * 999, ZEROS, b"\0"):
        log.write_bytes(garbage)
        synced = started.sync()

        assert (synced.exit_code in (0, 69), "Traceback" in synced.told) == (True, False), synced.told[-500:]
        assert synced.exit_code == 0 or log.read_bytes() == garbage
        log.unlink(missing_ok=True)
    started.recovers()


@pytest.mark.parametrize("provider", sources.providers())
def test_a_load_that_was_cut_off_before_it_was_noted_is_written_again_and_blanks_nothing(
    provider: str, trial: StartTrial
) -> None:
    started = trial(provider)
    started.recovers()
    final = {fax["id"] for fax in started.served.fake.truth() if fax["is_final"]}
    chosen = [id for id in started.newest(20) if str(id) in final][:6]
    for id in chosen[:3]:
        started.served.fake.change(id, error_message="changed")
    started.recovers()
    if provider == "signalwire":  # Phaxio forgets a fax without a word
        for id in chosen:
            started.served.fake.delete(id)
    started.recovers()
    with duckdb.connect(str(started.warehouse)) as connection:
        # So a kill leaves the file between the commit of the rows and the note that the load is complete.
        connection.execute(
            f"delete from fax_{provider}._dlt_loads"
            f" where load_id = (select max(load_id) from fax_{provider}._dlt_loads)"
        )
    started.recovers()


def test_a_file_restored_from_an_older_copy_is_filled_again(trial: StartTrial) -> None:
    started = trial("signalwire")
    old = started.warehouse.read_bytes()
    started.recovers()
    started.warehouse.write_bytes(old)
    started.recovers()


def test_a_file_that_is_gone_is_made_and_filled_again(trial: StartTrial) -> None:
    started = trial("phaxio")
    started.recovers()
    started.warehouse.unlink()
    started.recovers()


def test_a_file_behind_a_link_is_filled_where_it_is(trial: StartTrial, tmp_path: Path) -> None:
    started = trial("phaxio")
    real = tmp_path / "elsewhere.duckdb"
    started.warehouse.rename(real)
    started.warehouse.symlink_to(real)
    started.recovers()

    assert started.warehouse.is_symlink()
    assert_holds(real, "phaxio", started.served.fake.truth())


def test_a_directory_that_does_not_exist_is_told_before_anything_is_asked(trial: StartTrial, tmp_path: Path) -> None:
    started = trial("phaxio")
    started.settings["DESTINATION__WAREHOUSE__CREDENTIALS"] = str(tmp_path / "no" / "such" / "warehouse.duckdb")
    synced = started.sync()

    assert (synced.exit_code in (69, 74, 78), started.served.server.requests) == (True, [])


@pytest.mark.parametrize("stem", ["fax", "fax_phaxio", "FAX", "fax_phaxio_staging"])
def test_a_file_named_as_one_of_its_schemas_is_told_or_filled(stem: str, trial: StartTrial, tmp_path: Path) -> None:
    started = trial("phaxio")
    started.place = File(tmp_path / f"{stem}.duckdb")
    started.settings |= started.place.settings()
    synced = started.sync()

    assert "Traceback" not in synced.told
    if synced.exit_code:
        assert (synced.exit_code, started.served.server.requests) == (78, [])
    else:
        held(started)


def held(started: Trial) -> None:
    before = content(started.warehouse, "phaxio")
    assert {fax["id"] for fax in started.served.fake.truth()} == {
        str(id) for (id,) in rows(started.warehouse, f'select id from "{started.warehouse.stem}".fax_phaxio.faxes')
    }
    assert before
