"""check.py names what is wrong with the warehouse as such: whether it can be had, read and written to."""

import struct
import subprocess
import sys
from collections.abc import Sequence
from importlib import import_module
from io import StringIO
from itertools import product
from pathlib import Path

import duckdb
import pytest

from tests.conftest import ServeFake, Settings, Sync, generated
from tests.support.commands.check_command import Check
from tests.support.commands.report_command import Reporting
from tests.support.servers.postgres import Server
from tests.support.warehouse.file_and_database import KINDS, File, Warehouse
from tests.support.warehouse.oracle import assert_holds

NOTHING_LOADED = "nothing has been loaded yet: run uv run python pipelines/sync.py"
CREDENTIALS = "DESTINATION__WAREHOUSE__CREDENTIALS"
HEADER = 4096  # bytes; eight of them a checksum of the rest


def of_version(number: int, file: bytes) -> bytes:
    """The DuckDB file with another number of its format in its header."""
    header, checksum = bytearray(file[8:HEADER]), 5381
    header[4:12] = struct.pack("<Q", number)
    for (word,) in struct.iter_unpack("<Q", header):
        checksum ^= word * 0xBF58476D1CE4E5B9 % 2**64
    return struct.pack("<Q", checksum) + header + file[HEADER:]


@pytest.mark.usefixtures("served")
def test_a_look_leaves_the_warehouse_as_it_is(check: Check, warehouse: Path) -> None:
    before = warehouse.read_bytes()

    assert check()[0] == 0
    assert (before, False) == (warehouse.read_bytes(), Path(f"{warehouse}.wal").exists())


@pytest.mark.usefixtures("served")
def test_a_file_of_a_newer_duckdb_is_named_with_its_version(check: Check, warehouse: Path) -> None:
    warehouse.write_bytes(of_version(99, warehouse.read_bytes()))
    exit_code, told = check()

    assert (exit_code, f"version 99, which DuckDB {duckdb.__version__}" in told["phaxio"]["findings"][0]) == (
        65,
        True,
    )


@pytest.mark.usefixtures("served")
def test_who_has_the_file_open_is_named(check: Check, settings: Settings, warehouse: Path) -> None:
    settings["SYNC__BUSY_SECONDS"] = "0.2"
    holds = "import duckdb, sys; held = duckdb.connect(sys.argv[1]); print(flush=True); sys.stdin.read()"
    command, pipe = [sys.executable, "-c", holds, str(warehouse)], subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe) as notebook:
        assert notebook.stdout is not None
        notebook.stdout.readline()
        exit_code, told = check()
        notebook.kill()

    assert (exit_code, f"(process {notebook.pid})" in told["phaxio"]["findings"][0]) == (65, True)


@pytest.mark.usefixtures("served")
def test_a_directory_that_is_not_there_is_named(check: Check, settings: Settings) -> None:
    settings[CREDENTIALS] = "/nowhere/warehouse.duckdb"
    exit_code, told = check()

    assert (exit_code, "there is no directory /nowhere" in told["phaxio"]["findings"][0]) == (65, True)


@pytest.mark.parametrize("arguments", [(), ("--connections",)])
def test_a_warehouse_that_fails_for_all_accounts_is_told_once(
    arguments: Sequence[str], check: Check, serve_fake: ServeFake, settings: Settings
) -> None:
    for provider in ("phaxio", "signalwire"):
        serve_fake(provider)
    settings[CREDENTIALS] = "/nowhere/warehouse.duckdb"
    exit_code, told = check(*arguments)
    (finding,), second = told["phaxio"]["findings"], told["signalwire"]

    assert (exit_code, "there is no directory /nowhere" in finding) == (65, True)
    assert (second["findings"], second["looked_at"]) == ([], False)
    assert second["notes"][-1] == "the finding of an account above is the reason"


def test_what_is_wrong_with_the_warehouse_is_told_once(
    check: Check, serve_fake: ServeFake, settings: Settings, tmp_path: Path
) -> None:
    for provider in ("phaxio", "signalwire"):
        serve_fake(provider)
    settings["DESTINATION__WAREHOUSE__DESTINATION_TYPE"] = "filesystem"
    settings["DESTINATION__WAREHOUSE__BUCKET_URL"] = (tmp_path / "lake").as_uri()
    settings["PRIVACY__KEEP_DAYS"] = "30"
    exit_code, told = check()

    assert (exit_code, len(told["phaxio"]["findings"])) == (65, 2)
    assert told["signalwire"]["findings"] == [NOTHING_LOADED]


@pytest.mark.usefixtures("served")
def test_what_an_account_that_is_no_more_has_left_is_noted_once(
    check: Check, settings: Settings, warehouse: Path
) -> None:
    settings["SOURCES__PHAXIO__ACCOUNTS__WEST__API_KEY"] = "the key of the west"
    File(warehouse).write("create schema fax_phaxio_east_staging; create schema fax_phaxio_west_staging")
    _, told = check()

    assert told["phaxio/west"]["notes"] == []
    assert {note.partition(",")[0] for note in told["phaxio"]["notes"]} == {
        "schema fax_phaxio_east_staging is left over from phaxio/east",
        "schema fax_phaxio_west_staging is left over: the next load drops it",
    }


def test_a_schema_by_a_word_of_sql_is_tried_like_another(
    check: Check, serve_fake: ServeFake, settings: Settings
) -> None:
    serve_fake("phaxio")
    settings["SYNC__SCHEMA"] = "order"

    assert check()[1]["phaxio"]["findings"] == [NOTHING_LOADED]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_warehouse_out_of_reach_is_named_by_host_and_port_alone(
    host: str, check: Check, settings: Settings, serve_fake: ServeFake
) -> None:
    serve_fake("phaxio")
    settings["SYNC__BUSY_SECONDS"] = "0.1"
    settings["DESTINATION__WAREHOUSE__DESTINATION_TYPE"] = "postgres"
    settings[CREDENTIALS] = f"postgresql://someone:s3cret@{host}:9/faxes"
    exit_code, told = check()
    (finding,) = told["phaxio"]["findings"]

    assert (exit_code, f"the warehouse at {host}:9 cannot be reached" in finding) == (65, True)
    assert "someone" not in finding
    assert "s3cret" not in finding


def test_a_password_with_an_at_sign_is_told_and_no_part_of_it(
    check: Check, settings: Settings, serve_fake: ServeFake
) -> None:
    serve_fake("phaxio")
    settings["DESTINATION__WAREHOUSE__DESTINATION_TYPE"] = "postgres"
    settings[CREDENTIALS] = "postgresql://someone:s3@cret@127.0.0.1:9/faxes"
    exit_code, told = check()
    (finding,) = told["phaxio"]["findings"]

    assert (exit_code, "%40" in finding, "cret" in finding) == (65, True, False)


DENIED = {
    "a table": ("table fax_phaxio.faxes", "permission denied for table faxes"),
    "a schema": ("schema fax", "permission denied for schema fax"),
}


@pytest.mark.slow
def test_a_database_that_cannot_be_written_to_is_named(
    check: Check, serve_fake: ServeFake, sync: Sync, postgres: Server, database: str, role: str
) -> None:
    serve_fake("phaxio", generated("phaxio", 5, days=2))
    postgres.query(database, f"grant create, temporary on database {database} to {role}")
    assert sync().exit_code == 0
    postgres.query(database, "create table fax_phaxio.theirs (note text)")
    postgres.query(
        database, "alter table fax_phaxio.faxes add column theirs numeric generated always as (cost / 100) stored"
    )
    assert check()[0] == 0
    for what, words in DENIED.values():
        postgres.query(database, f"alter {what} owner to postgres")
        exit_code, told = check()
        postgres.query(database, f"alter {what} owner to {role}")

        assert (exit_code, words in told["phaxio"]["findings"][0]) == (65, True), (what, told)
    postgres.query(database, f"alter table fax_phaxio.faxes owner to postgres; grant all on fax_phaxio.faxes to {role}")
    exit_code, told = check()
    postgres.query(database, f"alter table fax_phaxio.faxes owner to {role}")

    assert (exit_code, told["phaxio"]["findings"][0].partition("superuser, ")[2]) == (
        65,
        f'alter table fax_phaxio.faxes owner to "{role}"',
    )
    postgres.query(database, f"revoke temporary on database {database} from {role}")
    exit_code, told = check()
    postgres.query(database, f"grant temporary on database {database} to {role}")

    assert (exit_code, f'grant temporary on database {database} to "{role}"' in told["phaxio"]["findings"][0]) == (
        65,
        True,
    )
    postgres.query("postgres", f"alter database {database} set default_transaction_read_only = on")
    exit_code, told = check()
    postgres.query("postgres", f"alter database {database} reset default_transaction_read_only")

    assert (exit_code, "read-only" in told["phaxio"]["findings"][0]) == (65, True)
    assert postgres.query(database, "select 1 from pg_class where relname = 'fax_sync_check'") == []


@pytest.mark.slow
def test_other_rules_of_the_server_for_the_time_zone_are_named(
    check: Check, serve_fake: ServeFake, sync: Sync, settings: Settings, postgres: Server, database: str, role: str
) -> None:
    settings["REPORT__TIMEZONE"] = "America/Winnipeg"  # at -05:00 in winter since 2026, which PostgreSQL 18.4 lacks
    serve_fake("phaxio", generated("phaxio", 5, days=2))
    postgres.query(database, f"grant create, temporary on database {database} to {role}")
    assert sync().exit_code == 0
    shown = "select extract(hour from timestamptz '2026-11-20 00:00Z' at time zone 'America/Winnipeg')"
    exit_code, told = check()

    assert exit_code == 0
    assert ("since 2026-11-01, because PostgreSQL and the package tzdata" in str(told["phaxio"]["notes"])) is (
        postgres.query(database, shown) == [(18,)]
    )
    settings["REPORT__TIMEZONE"] = "America/Chicago"

    assert "other rules for" not in str(check()[1]["phaxio"]["notes"])


SHORTER = [*product(KINDS, [("created_at", "date"), ("cost", "numeric(18, 0)")])]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("place", "column", "shorter"),
    [*((kind, *type_of) for kind, type_of in SHORTER), ("postgres", "created_at", "timestamptz(0)")],
    indirect=["place"],
)
def test_a_column_of_a_type_that_shortens_its_values_is_told(
    column: str, shorter: str, place: Warehouse, check: Check, serve_fake: ServeFake, sync: Sync
) -> None:
    served = serve_fake("phaxio", generated("phaxio", 5, days=2))
    sync()
    before = check()
    place.write(f"drop schema fax cascade; alter table fax_phaxio.faxes alter column {column} type {shorter}")
    exit_code, told = check()
    finding = told["phaxio"]["findings"][0]

    assert (before[0], exit_code, f"column {column} of fax_phaxio.faxes has the type " in finding) == (0, 65, True)

    place.write(finding.partition("not exact: ")[2].partition(", and run")[0])

    assert sync("--full-refresh").exit_code == 0
    assert_holds(place, "phaxio", served.fake.truth())


USES = {
    "views that keep ours from being replaced": (
        "create view public.theirs as select * from fax.faxes",
        "update fax._made_views set digest = 'of an older version' where view_name = 'faxes'",
        "views in fax are out of date, and public.theirs read them",
        "drop view public.theirs",
    ),
    "views that keep ours from being replaced, from before the digests had a table": (
        "create view public.theirs as select * from fax.faxes",
        "drop table fax._made_views",
        "views in fax are out of date, and public.theirs read them",
        "drop view public.theirs",
    ),
    "a table that inherits rows of ours": (
        "create table public.theirs () inherits (fax_phaxio.faxes)",
        "insert into public.theirs select * from only fax_phaxio.faxes",
        "alter table public.theirs no inherit fax_phaxio.faxes",
        "alter table public.theirs no inherit fax_phaxio.faxes",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", USES)
def test_a_use_of_our_tables_that_does_harm_is_told(
    name: str, check: Check, serve_fake: ServeFake, sync: Sync, postgres: Server, database: str
) -> None:
    made, harmed, words, undone = USES[name]
    serve_fake("phaxio", generated("phaxio", 5, days=2))
    sync()
    postgres.query(database, made)
    before = check()
    postgres.query(database, harmed)
    exit_code, told = check()
    postgres.query(database, undone)

    assert (before[0], exit_code, check()[0]) == (0, 65, 0), (before, told)
    assert words in told["phaxio"]["findings"][0]


@pytest.mark.slow
def test_a_warehouse_of_files_is_looked_at_too(
    check: Check, settings: Settings, serve_fake: ServeFake, sync: Sync, tmp_path: Path
) -> None:
    served = serve_fake("phaxio", generated("phaxio", 5, days=2))
    settings["DESTINATION__WAREHOUSE__DESTINATION_TYPE"] = "filesystem"
    settings["DESTINATION__WAREHOUSE__BUCKET_URL"] = (tmp_path / "lake").as_uri()
    assert sync().exit_code == 0
    exit_code, told = check()
    served.fake.change(next(iter(served.fake.records)), note="a new field")
    assert sync().exit_code == 0
    settings["PRIVACY__KEEP_DAYS"] = "30"
    kept, refused, found = check(), sync(), check()[1]["phaxio"]["findings"]

    assert (exit_code, told["phaxio"]["findings"], told["phaxio"]["notes"]) == (0, [], [])
    assert kept[1]["phaxio"]["notes"] == ["faxes.note is new in the last 7 days: see schema_changes"]
    assert (refused.exit_code, kept[0]) == (78, 65)
    assert kept[1]["phaxio"]["findings"] == found == [refused.accounts["phaxio"]["error"]]


def test_a_look_before_the_first_sync_leaves_nothing_behind(
    check: Check, serve_fake: ServeFake, warehouse: Path
) -> None:
    serve_fake("phaxio")
    before = sorted(warehouse.parent.iterdir())
    exit_code, told = check()

    assert (exit_code, told["phaxio"]["findings"]) == (65, [NOTHING_LOADED])
    assert any("credentials accepted" in line for line in told["phaxio"]["settings"])
    assert before == sorted(warehouse.parent.iterdir())


def test_a_look_at_an_empty_database_leaves_nothing_behind(
    check: Check, serve_fake: ServeFake, postgres: Server, database: str
) -> None:
    serve_fake("phaxio")
    sql = """
        select nspname, relname from pg_class
        full join pg_namespace as schemas on schemas.oid = relnamespace order by 1, 2
    """
    before = postgres.query(database, sql)
    exit_code, told = check()

    assert (exit_code, told["phaxio"]["findings"]) == (65, [NOTHING_LOADED])
    assert before == postgres.query(database, sql)


@pytest.mark.parametrize("command", ["report", "describe", "pseudonym"])
def test_no_command_but_a_sync_makes_the_warehouse(
    command: str, report: Reporting, warehouse: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = sorted(warehouse.parent.iterdir())
    report.main = import_module(f"pipelines.{command}").main
    monkeypatch.setattr("sys.stdin", StringIO())
    report()

    assert before == sorted(warehouse.parent.iterdir())
