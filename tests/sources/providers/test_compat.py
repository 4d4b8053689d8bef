"""What is peculiar to SignalWire's Compatibility list: what came of a fax, beside the log of its call."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from sources.fakes.answer import Answer
from sources.fakes.server import Request, json_answer
from sources.signalwire.fake import DOCUMENTED
from sources.signalwire.fake.compat import sid_of
from tests.conftest import MakeWarehouse, Query, Served, ServeFake, Settings, Sync, generated
from tests.support import lake as delta
from tests.support import leaks
from tests.support.commands.check_command import Check
from tests.support.servers.postgres import Server
from tests.support.tiers import first_quick
from tests.support.warehouse.file_and_database import KINDS, Database, File, Warehouse
from tests.support.warehouse.oracle import assert_holds
from tests.support.warehouse.raw_tables import refresh
from tests.support.warehouse.rows import rows

OLD = Path(__file__).parents[2] / "old_warehouses" / "0.1.0.sql"


def bend_compat(served: Served, change: Callable[[Any], Any]) -> None:
    """The answers to requests for the Compatibility list, one fax or a page, are changed by `change(document)`."""
    honest = served.server.answer

    def answer(request: Request) -> Any:
        told = honest(request)
        return json_answer(change(json.loads(told.body))) if "/laml/" in request.path else told

    served.server.answer = answer


def asked_for(served: Served, part: str) -> list[Request]:
    return [request for request in served.server.requests if part in request.path]


def test_no_cent_of_two_lists_counts_twice(serve_fake: ServeFake, sync: Sync, query: Query) -> None:
    served = serve_fake(
        "signalwire", generated("signalwire", 160), compat="read", compat_lists="differ", compat_price="text"
    )
    assert sync().exit_code == 0

    logs = list(served.fake.records.values())
    sids = {sid_of(log) for log in logs}
    ((charged,),) = query("select sum(charge) from fax_signalwire.fax_logs")
    prices = query("select id, abs(price) from fax_signalwire.compat_faxes where price is not null")
    of_both = sum((price for sid, price in prices if sid in sids), Decimal(0))
    alone = sum((price for sid, price in prices if sid not in sids), Decimal(0))
    assert charged == sum(Decimal(str(log["charge"])) for log in logs)
    assert of_both > 0 and alone > 0
    for view in ("faxes", "fax_recipients", "monthly_costs", "deliveries"):
        assert query(f"select sum(cost_usd) from fax.{view}") == [(charged + alone,)]
    sides = "select listed_in, count(*), count(duration_seconds) from fax.faxes group by 1 order by 1"
    (both, compat, log) = query(sides)
    assert [side for side, *_ in (both, compat, log)] == ["both", "compat_faxes", "fax_logs"]
    assert (both[1] + log[1], compat[1], log[2]) == (160, len(served.fake.compat.without_logs()), 0)
    assert (both[2], compat[2]) == (both[1], compat[1])


@pytest.mark.slow
def test_the_fax_tells_what_came_of_it_where_its_log_tells_of_the_call(
    serve_fake: ServeFake, sync: Sync, query: Query
) -> None:
    log = DOCUMENTED[0] | {"error_code": None, "error_message": None, "number_of_pages": None, "charge": "0.0105"}
    served = serve_fake("signalwire", [log], compat="read")
    fax = {"status": "failed", "num_pages": "0", "price": "-0.0105", "duration": 17, "error_code": 31000}
    dated = {"date_created": "Mon, 06 May 2024 12:20:00 +0000", "date_updated": "Mon, 06 May 2024 12:20:27 +0000"}
    bend_compat(served, lambda page: page | {"faxes": [one | fax | dated for one in page["faxes"]]})
    assert sync().exit_code == 0

    columns = "outcome, provider_status, num_pages, cost_usd, error_code, duration_seconds, listed_in"
    told = ("failed", "failed", 0, Decimal("0.0105"), "31000", 17, "both")
    assert query(f"select {columns} from fax.faxes") == [told]
    created = datetime(2024, 5, 6, 12, 20, tzinfo=UTC)
    assert query("select price, date_created from fax_signalwire.compat_faxes") == [(Decimal("-0.0105"), created)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("unit", "currency", "name"), [("eur", "EUR", "EUR"), ("", "XXX", "a currency that is not named")]
)
def test_a_price_in_another_currency_is_no_cost_and_is_told(
    unit: str, currency: str, name: str, serve_fake: ServeFake, sync: Sync, query: Query, check: Check
) -> None:
    served = serve_fake("signalwire", generated("signalwire", 40, days=5), compat="read", compat_lists="differ")
    bend_compat(served, lambda page: page | {"faxes": [one | {"price_unit": unit} for one in page["faxes"]]})
    assert sync().exit_code == 0
    exit_code, told = check()

    ((priced,),) = query("select count(*) from fax_signalwire.compat_faxes where price is not null")
    notes = [note for note in told["signalwire"]["notes"] if "cost_usd is null" in note]
    assert (exit_code, [note.partition(";")[0] for note in notes]) == (0, [f"faxes priced in {name}: {priced}"])
    alone = "from fax.faxes where listed_in = 'compat_faxes'"
    assert query(f"select distinct price_currency, cost_usd {alone} and num_pages is not null") == [(currency, None)]
    assert query("select distinct price_currency from fax.faxes where listed_in <> 'compat_faxes'") == [("USD",)]


@pytest.fixture(params=["duckdb", *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("postgres", "delta"))])
def place(request: pytest.FixtureRequest, settings: Settings, warehouse: Path, tmp_path: Path) -> Any:
    """What a test reads after the settings lead into a warehouse: a file, a database, or views over Delta tables."""
    if request.param == "duckdb":
        return lambda: File(warehouse)
    if request.param == "postgres":
        server: Server = request.getfixturevalue("postgres")
        database = server.create()
        settings |= server.settings(database)
        return lambda: Database(server, database)
    pytest.importorskip("deltalake", reason=delta.MISSING)
    from pipelines.lake.engine_views import connect

    leading = delta.into_delta(settings, tmp_path / "lake")()
    leading.__enter__()
    request.addfinalizer(lambda: leading.__exit__(None, None, None))
    return lambda: connect((tmp_path / "lake").as_uri())


@pytest.mark.slow
@pytest.mark.parametrize("compat", ["off", "forbidden"])
def test_the_faxes_land_where_the_second_list_is_off_or_lacks_the_scope(
    compat: str, place: Any, serve_fake: ServeFake, sync: Sync
) -> None:
    served = serve_fake("signalwire", generated("signalwire", 30, days=5), compat=compat)
    synced = sync()

    assert (synced.exit_code, synced.accounts["signalwire"]["new"]) == (0, 30)
    warned = [text for text in synced.accounts["signalwire"]["warnings"] if "compat_faxes" in text]
    assert (len(asked_for(served, "/laml/")), len(warned)) == ((0, 0) if compat == "off" else (1, 1))
    assert all("the scope" in text and "set compat_faxes = false" in text for text in warned)
    held: Warehouse | Any = place()
    listed = "select listed_in, count(*) from fax.faxes where provider = 'signalwire' group by 1"
    assert rows(held, listed) == [("fax_logs", 30)]
    assert sync().exit_code == 0


@pytest.mark.slow
def test_the_windows_of_each_list_are_shown(place: Any, serve_fake: ServeFake, sync: Sync) -> None:
    serve_fake("signalwire", generated("signalwire", 30, days=5), compat="read")
    assert sync().exit_code == 0

    windows = "select table_name, sum(rows_taken), min(proof) from fax.sync_windows group by 1 order by 1"
    assert rows(place(), windows) == [("compat_faxes", 30, "walked"), ("fax_logs", 30, "walked")]


@pytest.mark.slow
def test_a_project_with_faxes_in_the_second_list_alone_is_not_called_empty(
    serve_fake: ServeFake, sync: Sync, query: Query
) -> None:
    served = serve_fake("signalwire", generated("signalwire", 5, days=5), compat="read")
    honest = served.server.answer
    none = json_answer({"links": {}, "data": []})
    served.server.answer = lambda request: none if "/fax/logs" in request.path else honest(request)
    synced = sync()

    assert (synced.exit_code, synced.accounts["signalwire"]["warnings"]) == (0, [])
    assert query("select listed_in, count(*) from fax.faxes group by 1") == [("compat_faxes", 5)]


@pytest.mark.slow
def test_check_notes_a_second_list_that_lacks_the_scope(serve_fake: ServeFake, sync: Sync, check: Check) -> None:
    serve_fake("signalwire", generated("signalwire", 30, days=5), compat="forbidden")
    sync()
    exit_code, reports = check()

    assert (exit_code, reports["signalwire"]["findings"]) == (0, [])
    assert [note for note in reports["signalwire"]["notes"] if "set compat_faxes = false" in note]


@pytest.mark.slow
def test_a_scope_that_is_given_later_brings_the_whole_list(serve_fake: ServeFake, sync: Sync, warehouse: Path) -> None:
    served = serve_fake("signalwire", generated("signalwire", 30), compat="read")
    honest = served.server.answer
    forbidden = json_answer({"code": 403, "message": "Forbidden"}, 403)
    served.server.answer = lambda request: forbidden if "/laml/" in request.path else honest(request)
    assert sync().exit_code == 0

    served.server.answer = honest
    assert sync().exit_code == 0
    assert_holds(warehouse, "signalwire", served.fake.truth())


def test_a_warehouse_from_before_the_second_list_has_its_views(
    serve_fake: ServeFake, sync: Sync, warehouse: Path, query: Query
) -> None:
    File(warehouse).write(OLD.read_text())
    File(warehouse).write("update fax_signalwire.sync_windows set to_at = now()")
    serve_fake("signalwire")

    assert sync("--since", "2026-11-10", "--until", "2026-11-11").exit_code == 0
    ((held,),) = query("select count(*) from fax_signalwire.fax_logs")
    listed = "select listed_in, count(*) from fax.faxes where provider = 'signalwire' group by 1"
    assert query(listed) == [("fax_logs", held)]
    assert held > 0


@pytest.mark.parametrize("kind", first_quick(KINDS))
def test_the_views_read_a_second_table_that_is_not_there(kind: str, warehouses: MakeWarehouse) -> None:
    held = warehouses(kind)
    for statement in ("drop schema fax cascade", "drop table fax_signalwire.compat_faxes"):
        held.write(statement)
    for id in ("one", "two"):
        held.write("insert into fax_signalwire.fax_logs (account, id, status) values ('default', ?, 'failed')", id)
    refresh(held.settings())

    assert rows(held, "select id, outcome, listed_in from fax.faxes where account = 'default' order by id") == [
        ("one", "failed", "fax_logs"),
        ("two", "failed", "fax_logs"),
    ]


BAD = {
    "a circle": lambda page: page | {"next_page_uri": "/2010-04-01/Accounts/P/Faxes?PageSize=1000"},
    "no query": lambda page: page | {"next_page_uri": "/2010-04-01/Accounts/P/Faxes"},
    "no URI": lambda page: page | {"next_page_uri": 7},
    "no faxes": lambda page: {"data": page["faxes"]},
    "no object": lambda page: [page],
}


@pytest.mark.parametrize("name", first_quick(BAD))
def test_a_page_that_is_none_ends_the_run_with_65_and_the_logs_are_loaded(
    name: str, serve_fake: ServeFake, sync: Sync, query: Query
) -> None:
    served = serve_fake("signalwire", generated("signalwire", 20, days=5), compat="read")
    bend_compat(served, BAD[name])

    assert sync().exit_code == 65
    assert query("select listed_in, count(*) from fax.faxes group by 1") == [("fax_logs", 20)]


@pytest.mark.slow
def test_a_small_account_is_loaded_at_once_and_again_where_one_list_has_news(
    serve_fake: ServeFake, warehouse: Path, sync: Sync, query: Query
) -> None:
    served = serve_fake("signalwire", generated("signalwire", 60, days=20), compat="read")
    for new, loads in ((0, 1), (0, 1), (3, 2)):
        served.fake.add(*generated("signalwire", new, days=1, seed=1))
        assert sync().exit_code == 0
        assert_holds(warehouse, "signalwire", served.fake.truth())
        assert query("select count(*) from fax_signalwire._dlt_loads") == [(loads,)]


@pytest.mark.slow
@pytest.mark.parametrize("failing", first_quick([1, 2, 3]))
def test_a_second_list_that_fails_keeps_no_log_back(
    failing: int, serve_fake: ServeFake, warehouse: Path, sync: Sync, query: Query, settings: Settings
) -> None:
    settings["SOURCES__RETRY_SECONDS"] = "1"
    served = serve_fake("signalwire", generated("signalwire", 450, days=20), compat="read", page_cap="200")
    honest, asked = served.server.answer, []

    def answer(request: Request) -> Any:
        asked.extend(["fax"] if "/laml/" in request.path else [])
        return Answer(503) if "/laml/" in request.path and len(asked) >= failing else honest(request)

    served.server.answer = answer
    assert sync().exit_code == 75
    assert query("select count(*) from fax_signalwire.fax_logs") == [(450,)]
    served.server.answer = honest
    assert sync().exit_code == 0
    assert_holds(warehouse, "signalwire", served.fake.truth())


@pytest.mark.slow
def test_a_price_that_is_none_is_told_and_the_fax_lands(serve_fake: ServeFake, sync: Sync, query: Query) -> None:
    served = serve_fake("signalwire", DOCUMENTED, compat="read")
    odd = {"price": "N/A", "num_pages": "two"}
    bend_compat(served, lambda page: page | {"faxes": [one | odd for one in page["faxes"]]})

    assert sync().exit_code == 0
    problems = "select column_name, original from fax_signalwire.sync_problems order by 1"
    assert query(problems) == [("num_pages", '"two"'), ("price", '"N/A"')]
    assert query("select outcome, cost_usd from fax.faxes") == [("failed", Decimal("0.01"))]


@pytest.mark.slow
def test_the_second_table_keeps_no_number_and_no_old_fax_where_that_is_set(
    serve_fake: ServeFake, sync: Sync, settings: Settings, query: Query
) -> None:
    serve_fake("signalwire", generated("signalwire", 60, days=70), compat="read", compat_dates="rfc2822")
    settings["PRIVACY__PHONE_NUMBERS"] = "drop"
    assert sync().exit_code == 0

    stored = query("select * from fax_signalwire.compat_faxes")
    assert (len(stored), leaks.NUMBER.findall(repr(stored))) == (60, [])
    assert query("select listed_in, count(*) from fax.faxes group by 1") == [("both", 60)]

    settings["PRIVACY__KEEP_DAYS"] = "30"
    assert sync().exit_code == 0
    count = "select count(*), min({0}) > now() - interval '31 days' from fax_signalwire.{1}"
    kept = [query(count.format(*one))[0] for one in (("created_at", "fax_logs"), ("date_created", "compat_faxes"))]
    assert kept[0] == kept[1] and kept[0][1] and 0 < kept[0][0] < 60


@pytest.mark.slow
def test_a_link_to_another_host_takes_no_credentials_there(serve_fake: ServeFake, sync: Sync, warehouse: Path) -> None:
    logs = generated("signalwire", 450, days=20)
    served = serve_fake("signalwire", logs, compat="read", compat_links="elsewhere", page_cap="200")

    assert sync().exit_code == 0
    assert len(asked_for(served, "/laml/")) >= 3
    assert_holds(warehouse, "signalwire", served.fake.truth())
