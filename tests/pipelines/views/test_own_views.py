"""Views of the user's own: one that cannot be made stops no fax and no other view, and its author learns why."""

import shutil
from pathlib import Path

import pytest

from pipelines.views.files import HERE
from tests.conftest import ROOT, MakeWarehouse, ServeFake, SyncProcess, generated
from tests.support.tiers import first_quick
from tests.support.warehouse.file_and_database import KINDS, Warehouse
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
    """A folder with our files, and one view of the user's own that is fine."""
    made = shutil.copytree(HERE, tmp_path / "own" / "views", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
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


@pytest.mark.parametrize("wrong", WRONG)
def test_a_view_that_cannot_be_made_is_told_and_stops_no_other(wrong: str, made: Warehouse, folder: Path) -> None:
    files, told = WRONG[wrong]
    for name, text in files.items():
        (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    warnings = warnings_of_refresh(made.settings(), folder=folder)

    assert [
        warning for warning, words in zip(sorted(warnings), sorted(told), strict=True) if words not in warning
    ] == []
    assert views(made) >= OURS | {"by_account"}
    assert not views(made) & ({Path(name).stem for name in files} - {"faxes"})


def test_a_warning_quotes_the_database_and_no_number(made: Warehouse, folder: Path) -> None:
    (folder / "mine.sql").write_text('select "+1 206 555 0100" from fax.faxes')
    (warning,) = warnings_of_refresh(made.settings(), folder=folder)

    assert "555" not in warning
    assert "[number]" in warning


def test_a_folder_or_a_dead_link_is_no_view(made: Warehouse, folder: Path) -> None:
    (folder / "folder.sql").mkdir()
    (folder / "link.sql").symlink_to(folder / "nothing")
    (folder / ".#editor.sql").symlink_to("user@host.1234")
    (folder / "._mine.sql").write_bytes(b"\0\5\26\7\0")
    warnings = warnings_of_refresh(made.settings(), folder=folder)

    assert [warning.partition(": ")[2] for warning in warnings] == [
        "the file cannot be read: Is a directory",
        "the file cannot be read: No such file or directory",
    ]
    assert views(made) >= OURS


@pytest.mark.parametrize(
    "text",
    [
        "select account\nfrom fax.faxes",
        "-- Over 50%, 'quoted' %s.\nselect account, '%s' as format\nfrom fax.faxes\nwhere account like 'a%'\n",
        "\ufeff-- With a byte order mark.\nselect account\nfrom fax.faxes\n",
        "-- Windows.\r\nselect account\r\nfrom fax.faxes;\r\n",
        "with own as (\n    select account\n    FROM\n        Fax.faxes\n)\n\nselect account from own -- the end",
    ],
    ids=["no head", "per cent", "byte order mark", "carriage returns", "upper case"],
)
def test_a_view_of_ones_own_is_made_once(text: str, made: Warehouse, folder: Path) -> None:
    (folder / "mine.sql").write_bytes(text.encode())
    first = warnings_of_refresh(made.settings(), folder=folder)
    made.write("comment on column fax.mine.account is 'lost when the view is made again'")
    second = warnings_of_refresh(made.settings(), folder=folder)
    notes = (
        "select description from pg_catalog.pg_description join pg_catalog.pg_class on objoid = pg_class.oid"
        " where relname = 'mine' and objsubid <> 0 and description is not null"
    )

    assert (first, second) == ([], [])
    assert "%%" not in comment(made, "mine")
    assert rows(made, notes) == [("lost when the view is made again",)]


def test_a_view_that_was_dropped_comes_back(made: Warehouse, folder: Path) -> None:
    warnings_of_refresh(made.settings(), folder=folder)
    made.write("drop view fax.by_account")
    (folder / "mine.sql").write_text(TYPO)
    warnings = warnings_of_refresh(made.settings(), folder=folder)

    assert len(warnings) == 1
    assert "by_account" in views(made)


def test_a_view_that_fails_keeps_no_other_from_changing(made: Warehouse, folder: Path) -> None:
    warnings_of_refresh(made.settings(), folder=folder)
    (folder / "mine.sql").write_text(TYPO)
    (folder / "by_account.sql").write_text("select 1 as other, 2 as columns")
    warnings = warnings_of_refresh(made.settings(), folder=folder)

    assert [warning.partition(": ")[0][-16:] for warning in warnings] == ["mine.sql, line 5"]
    assert rows(made, "select other, columns from fax.by_account") == [(1, 2)]


def test_a_mended_view_is_made(made: Warehouse, folder: Path) -> None:
    (folder / "mine.sql").write_text(TYPO)
    warnings_of_refresh(made.settings(), folder=folder)
    (folder / "mine.sql").write_text(TYPO.replace("faxess", "faxes"))

    assert warnings_of_refresh(made.settings(), folder=folder) == []
    assert "mine" in views(made)


def test_the_faxes_are_loaded_whatever_the_view(
    place: Warehouse, serve_fake: ServeFake, sync_process: SyncProcess, tmp_path: Path
) -> None:
    project = tmp_path / "copy"
    for name in ("sources", "pipelines", ".dlt"):
        shutil.copytree(ROOT / name, project / name, ignore=shutil.ignore_patterns("__pycache__", "secrets.toml"))
    (project / "pipelines" / "views" / "mine.sql").write_text(TYPO)
    served = serve_fake("phaxio", generated("phaxio", 30))
    done = sync_process(root=project, cwd=project)

    assert done.returncode == 0, done.stderr
    assert "WARNING: pipelines/views/mine.sql, line 5: the view was not created: " in done.stdout
    assert "faxess" in done.stdout
    assert_holds(place, "phaxio", served.fake.truth())
    assert rows(place, "select sum(faxes) from fax.daily_costs") == [(30,)]
