"""Files and keys that look like something else are taken for what they are."""

from pathlib import Path

import pytest

from tests.conftest import ServeFake, Settings, Sync, SyncProcess, generated
from tests.support.commands.process import Barrier, started
from tests.support.faults.inject import broken
from tests.support.tiers import first_quick
from tests.support.warehouse.oracle import assert_holds
from tests.support.warehouse.rows import rows

FILES = (
    "with blank.duckdb",
    "it's.duckdb",
    'a"b.duckdb',
    "fäx-日本.duckdb",
    "100%.duckdb",
    "%s.duckdb",
    "a#b?c=d&e.duckdb",
    "a;b.duckdb",
    "select.duckdb",
    "no suffix",
    ".hidden.duckdb",
    "-minus.duckdb",
    "~tilde$HOME.duckdb",
    "main.duckdb",
    "temp.duckdb",
    "system.duckdb",
    "n" * 200 + ".duckdb",
)


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES, ids=ascii)
def test_a_warehouse_by_any_name_is_filled_and_found_again(
    name: str, serve_fake: ServeFake, sync: Sync, settings: Settings, tmp_path: Path
) -> None:
    settings["DESTINATION__WAREHOUSE__CREDENTIALS"] = str(tmp_path / name)
    served = serve_fake("phaxio", generated("phaxio", 5))
    first, again = sync(), sync()

    assert (first.exit_code, again.exit_code, again.accounts["phaxio"]["new"]) == (0, 0, 0), first.told + again.told
    assert_holds(tmp_path / name, "phaxio", served.fake.truth())
    assert rows(tmp_path / name, "select sum(faxes) > 0 from fax.daily_costs") == [(True,)]


@pytest.mark.slow
def test_two_names_of_one_file_are_one_warehouse(
    serve_fake: ServeFake, sync: Sync, settings: Settings, warehouse: Path, tmp_path: Path
) -> None:
    served = serve_fake("phaxio", generated("phaxio", 20))
    assert sync().exit_code == 0
    alias = tmp_path / "alias.duckdb"
    alias.symlink_to(warehouse)
    served.fake.add(*generated("phaxio", 5, days=1, first_id=900_000_000))
    barrier = Barrier()
    with broken(served, barrier.fault()), started(settings, tmp_path / "scratch") as running:
        assert barrier.reached.wait(60)
        settings |= {"DESTINATION__WAREHOUSE__CREDENTIALS": str(alias), "SYNC__BUSY_SECONDS": "0.2"}
        beside = sync()
        barrier.opened.set()
        code, told = running.end()

    assert (beside.exit_code, code) == (75, 0), told
    assert sync().exit_code == 0
    assert_holds(warehouse, "phaxio", served.fake.truth())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("key", "secret"),
    first_quick([("0012345", "1e10"), ("true", "0"), ("null", "[1]"), ("0x10", "1_000"), ("2026-01-01", '{"a": 1}')]),
)
@pytest.mark.parametrize("where", first_quick(["file", "environment"]))
def test_a_key_that_looks_like_another_type_is_sent_as_it_is_written(
    key: str, secret: str, where: str, serve_fake: ServeFake, settings: Settings, sync_process: SyncProcess
) -> None:
    served = serve_fake("phaxio", generated("phaxio", 3), api_key=key, api_secret=secret)
    if where == "file":
        del settings["SOURCES__PHAXIO__API_KEY"], settings["SOURCES__PHAXIO__API_SECRET"]
        path = Path(settings["DLT_PROJECT_DIR"]) / ".dlt" / "secrets.toml"
        path.touch(0o600)
        path.write_text(f"[sources.phaxio]\napi_key = '{key}'\napi_secret = '{secret}'\n")
    done = sync_process()

    assert done.returncode == 0, done.stderr
    assert served.server.requests
