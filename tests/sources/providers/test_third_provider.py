"""A new provider is one new folder and no other change."""

import json
import runpy
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

import sources
from sources.fakes.server import serve
from tests.conftest import ROOT, SyncProcess
from tests.support import lake as delta
from tests.support.servers.postgres import Server
from tests.support.warehouse.rows import rows


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project with the folder of a third provider in it."""
    copy = tmp_path / "copy"
    for folder in ("sources", "pipelines", ".dlt"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__", "secrets.toml"))
    shutil.copytree(ROOT / "tests" / "third_provider", copy / "sources" / "telefact")
    return copy


FILTERS = ("ignored", "ignored unless a bare date", "since ignored", "until ignored")


@pytest.mark.slow
@pytest.mark.parametrize("reading", ["heeded", *FILTERS])
def test_a_folder_is_all_that_a_new_provider_takes(
    reading: str, project: Path, settings: dict[str, str], sync_process: SyncProcess
) -> None:
    settings.clear()
    done = sync_process("--demo", "--json", root=project, cwd=project, TELEFACT_FILTER=reading)

    assert (done.returncode, done.stderr) == (0, "")
    accounts = {account["provider"]: account for account in json.loads(done.stdout)["accounts"]}
    assert {*sources.providers(), "telefact"} == accounts.keys()
    assert (accounts["telefact"]["new"], "proven complete" in accounts["telefact"]["completeness"]) == (23, True)
    held = project / "demo.duckdb"
    faxes = "select count(*), sum(cost_usd), min(from_number) from fax.faxes where provider = 'telefact'"
    assert [(23, Decimal("0.2323"), "+12025550100")] == rows(held, faxes)
    raw = "select count(made_at), min(price_amount), min(price_currency) from fax_telefact.transmissions"
    assert [(23, Decimal("0.0101"), "USD")] == rows(held, raw)
    recipients = "select phone_number, count(*) from fax.fax_recipients where provider = 'telefact' group by all"
    assert sorted(rows(held, recipients)) == [("+12025550100", 11), ("+12025550101", 12)]
    costs = "select sum(faxes), sum(cost_usd) from fax.monthly_costs where provider = 'telefact'"
    assert [(23, Decimal("0.2323"))] == rows(held, costs)
    windows = "select count(*) from fax.sync_windows where provider = 'telefact'"
    assert rows(held, windows)[0][0] > 0
    assert rows(held, "select count(*), count(distinct id) from fax_telefact.receipts") == [(23, 23)]
    spans = "select min(from_at) from fax_telefact.{}"
    floors = [rows(held, spans.format(name))[0][0] for name in ("sync_windows", "receipt_windows")]
    assert [floor.year for floor in floors] == [2015, 2020]


LISTS = ("transmissions", "receipts")
LEDGERS = ("sync_windows", "receipt_windows")


@pytest.fixture(params=["duckdb", *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("postgres", "delta"))])
def count(
    request: pytest.FixtureRequest, settings: dict[str, str], warehouse: Path, tmp_path: Path
) -> Callable[[str], int]:
    """Leads the settings into a warehouse; what it gives counts the rows of one of its raw tables."""
    if request.param == "duckdb":
        return lambda table: int(rows(warehouse, f"select count(*) from fax_telefact.{table}")[0][0])
    if request.param == "postgres":
        server: Server = request.getfixturevalue("postgres")
        database = server.create()
        settings |= server.settings(database)
        return lambda table: int(server.query(database, f"select count(*) from fax_telefact.{table}")[0][0])
    pytest.importorskip("deltalake", reason=delta.MISSING)
    place = tmp_path / "lake"
    leading = delta.into_delta(settings, place)()
    leading.__enter__()
    request.addfinalizer(lambda: leading.__exit__(None, None, None))
    return lambda table: len(delta.rows(place, "telefact", table))


@pytest.mark.slow
def test_a_second_list_has_windows_a_cursor_and_a_floor_of_its_own(
    project: Path, settings: dict[str, str], sync_process: SyncProcess, count: Callable[[str], int]
) -> None:
    now = datetime.now(UTC)
    fake = runpy.run_path(str(project / "sources" / "telefact" / "fake" / "__init__.py"))["Fake"](now)
    with serve(fake.answer) as server:
        settings |= {f"SOURCES__TELEFACT__{key}".upper(): value for key, value in fake.settings(server.url).items()}

        def sync() -> tuple[list[str], dict[str, list[int]]]:
            """The warnings, and the years from which each list was asked for."""
            del server.requests[:]
            done = sync_process("--json", root=project, cwd=project)
            asked: dict[str, list[int]] = {name: [] for name in LISTS}
            for call in server.requests:
                asked[call.path.rsplit("/", 1)[-1]].append(datetime.fromisoformat(call.query["since"]).year)
            assert done.returncode == 0, done.stdout + done.stderr
            (account,) = json.loads(done.stdout)["accounts"]
            return account["warnings"], asked

        fake.shows_receipts = False
        refused, asked = sync()
        assert ["receipts was not read" in text and "set receipts = false" in text for text in refused] == [True]
        assert (min(asked["transmissions"]), min(asked["receipts"])) == (2014, 2019)
        assert count("transmissions") == 23

        settings["SOURCES__TELEFACT__RECEIPTS"] = "false"
        assert sync()[1]["receipts"] == []
        del settings["SOURCES__TELEFACT__RECEIPTS"]

        fake.shows_receipts = True
        mended, asked = sync()
        recent = (now - timedelta(days=5)).year
        assert (mended, len(asked["transmissions"]), min(asked["receipts"])) == ([], 1, 2019)
        assert asked["transmissions"][0] >= recent
        assert (count("receipts"), count("transmissions")) == (23, 23)

        before = [count(name) for name in LEDGERS]
        quiet, asked = sync()
        assert (quiet, [len(asked[name]) for name in LISTS]) == ([], [1, 1])
        assert [count(name) for name in LEDGERS] == before

        fake.receipts.append(fake.receipts[0] | {"id": "R99"})
        assert sync()[0] == []
        assert count("receipts") == 24
        assert [count(name) for name in LEDGERS] == [before[0], before[1] + 1]
