"""Views of the user's own: one that cannot be made stops no fax and no other view, and its author learns why."""

from pathlib import Path

import pytest

from pipelines.views.files import HERE
from tests.conftest import MakeWarehouse, ServeFake, SyncProcess, generated
from tests.support.servers.postgres import Server
from tests.support.tiers import first_quick
from tests.support.warehouse.file_and_database import KINDS, Database, Warehouse
from tests.support.warehouse.oracle import assert_holds
from tests.support.warehouse.raw_tables import warnings_of_refresh
from tests.support.warehouse.rows import rows

OURS = {path.stem for path in HERE.glob("*.sql")} | {"faxes", "fax_recipients", "fax_tags", "sync_windows"}
FINE = (
    "-- Faxes by account. Grain: one row per account.\nselect account, count(*) as faxes\nfrom fax.faxes\ngroup by 1;\n"
)
TYPO = "-- A typo.\n\nselect account\nfrom\n    fax.faxess\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one view of the user's own that is fine."""
    made = tmp_path / "own" / "views"
    made.mkdir(parents=True)
    (made / "by_account.sql").write_text(FINE)
    return made


@pytest.fixture(scope="module", params=first_quick(KINDS))
def kept(request: pytest.FixtureRequest, warehouses: MakeWarehouse) -> Warehouse:
    return warehouses(request.param)


@pytest.fixture
def made(kept: Warehouse) -> Warehouse:
    """A warehouse without views."""
    kept.write("drop schema if exists fax cascade")
    return kept


def views(made: Warehouse) -> set[str]:
    return {
        name for (name,) in rows(made, "select table_name from information_schema.views where table_schema = 'fax'")
    }


def comment(made: Warehouse, view: str) -> str:
    sql = (
        "select description from pg_catalog.pg_description join pg_catalog.pg_class on objoid = pg_class.oid"
        f" where relname = '{view}' and objsubid = 0"
    )
    return "".join(text for (text,) in rows(made, sql))


WRONG: dict[str, tuple[dict[str, str | bytes], list[str]]] = {
    "a table that is not there": ({"mine.sql": TYPO}, ["views/mine.sql, line 5: the view was not created: "]),
    "a typo in a keyword": ({"mine.sql": "-- A.\nselect 1 as one\nform fax.faxes x y z\n"}, ["mine.sql, line 3: "]),
    "upper case": ({"mine.sql": "SELECT account\nFROM fax.faxess\n"}, ["mine.sql, line 2: "]),
    "two statements": ({"mine.sql": "-- A.\nselect 1 as one;\ndrop view fax.faxes\n"}, ["mine.sql, line 2: "]),
    "no query": ({"mine.sql": "-- A comment.\n;\n"}, ["mine.sql: the file holds no query"]),
    "empty": ({"mine.sql": ""}, ["mine.sql: the file holds no query"]),
    "not UTF-8": ({"mine.sql": "-- é\nselect 'é' as e".encode("latin-1")}, ["mine.sql: line 1: the text is not UTF-8"]),
    "UTF-16": ({"mine.sql": "select 1 as one".encode("utf-16")}, ["mine.sql: line 1: the text is not UTF-8"]),
    "NUL": ({"mine.sql": "select\n'\0' as one"}, ["mine.sql: line 2: the text holds a NUL character"]),
    "the name of a unified view": ({"faxes.sql": "select 1 as id"}, ["faxes.sql: another view has this name"]),
    "our name in other letters": ({"Open_Faxes.sql": "select 1 as id"}, ["Open_Faxes.sql: another view"]),
    "a name too long": ({f"{'é' * 32}.sql": "select 1 as id"}, ["sql: the file's name cannot name a view"]),
    "one that reads it": (
        {"mine.sql": TYPO, "after.sql": "select * from fax.mine"},
        ["mine.sql, line 5: ", "after.sql, line 1: "],
    ),
    "itself": ({"mine.sql": "select * from fax.mine"}, ["mine.sql: the view reads itself"]),
    "each other": (
        {"a.sql": "select * from fax.b", "b.sql": "select * from fax.a"},
        ["a.sql: the view reads itself", "b.sql: the view reads itself"],
    ),
    "what no warehouse has": ({"mine.sql": "select no_such_function(account) as x\nfrom fax.faxes"}, ["mine.sql, "]),
}


@pytest.mark.parametrize("wrong", first_quick(WRONG))
def test_a_view_that_cannot_be_made_is_told_and_stops_no_other(wrong: str, made: Warehouse, folder: Path) -> None:
    files, told = WRONG[wrong]
    for name, text in files.items():
        (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    warnings = warnings_of_refresh(made.settings(), own=folder)

    assert [
        warning for warning, words in zip(sorted(warnings), sorted(told), strict=True) if words not in warning
    ] == []
    assert views(made) >= OURS | {"by_account"}
    assert not views(made) & ({Path(name).stem for name in files} - {"faxes"})


def test_a_warning_quotes_the_database_and_no_number(made: Warehouse, folder: Path) -> None:
    (folder / "mine.sql").write_text('select "+1 206 555 0100" from fax.faxes')
    (warning,) = warnings_of_refresh(made.settings(), own=folder)

    assert "555" not in warning
    assert "[number]" in warning


def test_a_folder_or_a_dead_link_is_no_view(made: Warehouse, folder: Path) -> None:
    (folder / "folder.sql").mkdir()
    (folder / "link.sql").symlink_to(folder / "nothing")
    (folder / ".#editor.sql").symlink_to("user@host.1234")
    (folder / "._mine.sql").write_bytes(b"\0\5\26\7\0")
    warnings = warnings_of_refresh(made.settings(), own=folder)

    assert [warning.partition(": ")[2] for warning in warnings] == [
        "the file cannot be read: Is a directory",
        "the file cannot be read: No such file or directory",
    ]
    assert views(made) >= OURS


@pytest.mark.parametrize(
    "text",
    first_quick(
        [
            "select account\nfrom fax.faxes",
            "-- Over 50%, 'quoted' %s.\nselect account, '%s' as format\nfrom fax.faxes\nwhere account like 'a%'\n",
            "\ufeff-- With a byte order mark.\nselect account\nfrom fax.faxes\n",
            "-- Windows.\r\nselect account\r\nfrom fax.faxes;\r\n",
            "with own as (\n    select account\n    FROM\n        Fax.faxes\n)\n\nselect account from own -- the end",
        ]
    ),
    ids=["no head", "per cent", "byte order mark", "carriage returns", "upper case"],
)
def test_a_view_of_ones_own_is_made_once(text: str, made: Warehouse, folder: Path) -> None:
    (folder / "mine.sql").write_bytes(text.encode())
    first = warnings_of_refresh(made.settings(), own=folder)
    made.write("comment on column fax.mine.account is 'lost when the view is made again'")
    second = warnings_of_refresh(made.settings(), own=folder)
    notes = (
        "select description from pg_catalog.pg_description join pg_catalog.pg_class on objoid = pg_class.oid"
        " where relname = 'mine' and objsubid <> 0 and description is not null"
    )

    assert (first, second) == ([], [])
    assert "%%" not in comment(made, "mine")
    assert rows(made, notes) == [("lost when the view is made again",)]


def test_a_view_of_ones_own_is_made_as_it_is_where_the_rules_of_a_zone_are_not_those_of_the_engine(
    made: Warehouse, folder: Path
) -> None:
    (folder / "mine.sql").write_text(
        "-- Any.\nselect max(created_at)::timestamptz at time zone :timezone as latest, account\nfrom fax.faxes\n"
        "where created_at > timestamp '2026-11-20' AT TIME ZONE :timezone\ngroup by account\n"
    )

    assert warnings_of_refresh(made.settings(), "America/Winnipeg", own=folder) == []
    assert "mine" in views(made)


@pytest.mark.slow
def test_a_view_that_was_dropped_comes_back(made: Warehouse, folder: Path) -> None:
    warnings_of_refresh(made.settings(), own=folder)
    made.write("drop view fax.by_account")
    (folder / "mine.sql").write_text(TYPO)
    warnings = warnings_of_refresh(made.settings(), own=folder)

    assert len(warnings) == 1
    assert "by_account" in views(made)


def test_a_view_that_fails_keeps_no_other_from_changing(made: Warehouse, folder: Path) -> None:
    warnings_of_refresh(made.settings(), own=folder)
    (folder / "mine.sql").write_text(TYPO)
    (folder / "by_account.sql").write_text("select 1 as other, 2 as columns")
    warnings = warnings_of_refresh(made.settings(), own=folder)

    assert [warning.partition(": ")[0][-16:] for warning in warnings] == ["mine.sql, line 5"]
    assert rows(made, "select other, columns from fax.by_account") == [(1, 2)]


@pytest.mark.slow
def test_a_mended_view_is_made(made: Warehouse, folder: Path) -> None:
    (folder / "mine.sql").write_text(TYPO)
    warnings_of_refresh(made.settings(), own=folder)
    (folder / "mine.sql").write_text(TYPO.replace("faxess", "faxes"))

    assert warnings_of_refresh(made.settings(), own=folder) == []
    assert "mine" in views(made)


@pytest.mark.slow
def test_a_view_whose_file_is_gone_is_dropped_if_a_sync_has_made_it(made: Warehouse, folder: Path) -> None:
    (folder / "reads_it.sql").write_text("select * from fax.by_account")
    warnings_of_refresh(made.settings(), own=folder)
    made.write("create view fax.of_somebody as select 1 as one")
    (folder / "by_account.sql").unlink()
    (folder / "reads_it.sql").unlink()
    (folder / "mine.sql").write_text(TYPO)
    before = views(made)
    warnings_of_refresh(made.settings(), own=folder.parent / "not there")

    assert views(made) == before

    warnings_of_refresh(made.settings(), own=folder)

    assert before - views(made) == {"by_account", "reads_it"}
    assert {"of_somebody"} | OURS <= views(made)


@pytest.mark.slow
def test_a_view_that_another_reads_is_not_dropped(postgres: Server, folder: Path) -> None:
    made = Database(postgres, postgres.create())
    warnings_of_refresh(made.settings(), own=folder)
    made.write("create view fax.of_somebody as select * from fax.by_account")
    (folder / "by_account.sql").unlink()
    warnings = warnings_of_refresh(made.settings(), own=folder)

    assert warnings == ["fax.by_account was not dropped, though its file is gone: other views read it"]
    assert "by_account" in views(made)


def test_a_view_of_ones_own_reads_raw_tables_and_the_time_zone(made: Warehouse, folder: Path) -> None:
    text = "select faxes.id, :timezone as zone\nfrom raw.phaxio.faxes as faxes\njoin fax.faxes as other on true"
    (folder / "mine.sql").write_text(text)
    (folder / "short.sql").write_text("select id\nfrom raw.faxes")
    (warning,) = warnings_of_refresh(made.settings(), "Europe/Paris", own=folder)

    assert warning.endswith("short.sql: line 2: raw.faxes lacks the provider: write raw.<provider>.faxes")
    assert rows(made, "select count(*), max(zone) from fax.mine") == [(0, None)]


@pytest.mark.slow
def test_the_faxes_are_loaded_whatever_the_view(
    place: Warehouse, serve_fake: ServeFake, sync_process: SyncProcess, tmp_path: Path
) -> None:
    folder = tmp_path / "project" / "views"
    folder.mkdir()
    (folder / "mine.sql").write_text(TYPO)
    served = serve_fake("phaxio", generated("phaxio", 30))
    done = sync_process()

    assert done.returncode == 0, done.stderr
    assert "WARNING: project/views/mine.sql, line 5: the view was not created: " in done.stdout
    assert "faxess" in done.stdout
    assert_holds(place, "phaxio", served.fake.truth())
    assert rows(place, "select sum(faxes) from fax.daily_costs") == [(30,)]
