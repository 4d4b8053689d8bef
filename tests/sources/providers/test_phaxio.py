"""What is peculiar to Phaxio: cents, counts that end at 10,000, US Central times, recipients without a key."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from sources.phaxio.fake import DOCUMENTED
from tests.conftest import Query, ServeFake, Settings, Sync, generated
from tests.support.commands.report_command import Reporting
from tests.support.faults.bending import bend
from tests.support.warehouse.oracle import assert_holds


def test_the_documented_faxes_load_value_for_value(serve_fake: ServeFake, sync: Sync, query: Query) -> None:
    serve_fake("phaxio", DOCUMENTED)
    sync()

    columns = "id, direction, outcome, from_number, num_pages, is_test, is_final, cost_usd, created_at, completed_at"
    assert [
        (
            *("123454", "sent", "delivered", "+18476661235", 1, False, True, Decimal("0.14")),
            datetime(2016, 1, 10, 20, 7, 30, tzinfo=UTC),
            datetime(2016, 1, 10, 20, 9, 3, tzinfo=UTC),
        ),
        (
            *("123455", "sent", "delivered", None, 1, False, True, Decimal("0.07")),
            datetime(2016, 1, 20, 17, 24, 7, tzinfo=UTC),
            datetime(2016, 1, 20, 17, 25, 24, tzinfo=UTC),
        ),
        (
            *("123456", "sent", "delivered", "+18476661235", 1, False, True, Decimal("0.07")),
            datetime(2016, 1, 20, 17, 28, 2, tzinfo=UTC),
            datetime(2016, 1, 20, 17, 28, 54, tzinfo=UTC),
        ),
    ] == query(f"select {columns} from fax.faxes order by id")
    assert [(Decimal("0.28"),)] == query("select sum(cost_usd) from fax.monthly_costs")
    assert [(Decimal(28),)] == query("select sum(cost) from fax_phaxio.faxes")


def test_the_documented_recipients_and_tags_load_value_for_value(
    serve_fake: ServeFake, sync: Sync, query: Query
) -> None:
    serve_fake("phaxio", DOCUMENTED)
    sync()

    assert query("select fax_id, position, phone_number, outcome, bitrate from fax.fax_recipients order by all") == [
        ("123454", 0, "+14141234567", "delivered", 14400),
        ("123454", 1, "+14141234568", "delivered", 9600),
        ("123455", 0, "+14141234567", "delivered", 14400),
        ("123456", 0, "+14141234567", "delivered", 14400),
    ]
    assert query("select fax_id, name, value from fax.fax_tags order by all") == [
        ("123455", "order_id", "1233"),
        ("123456", "order_id", "1234"),
    ]


@pytest.mark.slow
@pytest.mark.parametrize("deep_paging", ["allowed", "refused"])
def test_more_faxes_than_phaxio_counts_are_split_and_none_is_asked_for_past_row_10000(
    deep_paging: str, serve_fake: ServeFake, sync: Sync, warehouse: Path, query: Query
) -> None:
    served = serve_fake("phaxio", generated("phaxio", 12_000, days=28), deep_paging=deep_paging)

    assert sync().exit_code == 0
    assert_holds(warehouse, "phaxio", served.fake.truth())

    assert query("select distinct proof from fax.sync_windows") == [("counted",)]
    deepest = [int(request.query["page"]) * int(request.query["per_page"]) for request in served.server.requests]
    assert max(deepest) <= 10_000


@pytest.mark.slow
def test_more_faxes_in_one_second_than_phaxio_serves_are_told_and_not_asked_for(
    serve_fake: ServeFake, sync: Sync, query: Query
) -> None:
    at = (datetime.now(UTC) - timedelta(days=2)).strftime("%Y-%m-%dT12:00:00Z")
    crowd = [DOCUMENTED[2] | {"id": id, "created_at": at, "recipients": []} for id in range(1, 10_201)]
    served = serve_fake("phaxio", [*generated("phaxio", 300, days=9), *crowd], deep_paging="refused")
    synced = sync()

    assert (synced.exit_code, "could not be proven" in synced.told) == (65, True)
    assert query("select count(*) from fax.faxes where cast(id as bigint) <= 10200") > [(9_000,)]
    deepest = [int(asked.query["page"]) * int(asked.query["per_page"]) for asked in served.server.requests]
    assert max(deepest) <= 10_000


def test_the_hour_that_comes_twice_in_a_november_night_loses_no_fax(
    serve_fake: ServeFake, sync: Sync, query: Query
) -> None:
    times = [f"2024-11-03T01:{minute:02d}:00.000-0{hours}:00" for hours in (5, 6) for minute in range(0, 60, 10)]
    faxes = [DOCUMENTED[0] | {"id": id, "created_at": at} for id, at in enumerate(times, start=1)]
    serve_fake("phaxio", faxes, order="oldest_first")
    sync()

    first = datetime(2024, 11, 3, 6, tzinfo=UTC)
    assert [(str(id), first + timedelta(minutes=10 * (id - 1))) for id in range(1, 13)] == query(
        "select id, created_at from fax.faxes order by created_at"
    )


def test_recipients_that_shrink_leave_no_stale_row(
    serve_fake: ServeFake, sync: Sync, query: Query, warehouse: Path
) -> None:
    (fax,) = generated("phaxio", 1, days=1)
    calls: list[dict[str, Any]] = [dict(DOCUMENTED[2]["recipients"][at]) for at in (0, 1, 0)]
    served = serve_fake("phaxio", [fax | {"direction": "sent", "from_number": None, "recipients": calls}])
    counts = []
    for left in (3, 1, 0):
        served.fake.change(fax["id"], recipients=calls[:left])
        sync()
        assert_holds(warehouse, "phaxio", served.fake.truth())
        counts += query("select count(*) from fax_phaxio.fax_recipients")

    assert counts == [(3,), (1,), (0,)]


def test_tags_that_are_taken_away_leave_no_stale_row(
    serve_fake: ServeFake, sync: Sync, query: Query, warehouse: Path
) -> None:
    (fax,) = generated("phaxio", 1, days=1)
    served = serve_fake("phaxio", [fax | {"tags": {"Order ID": "1", "order_id": "2", "orderId": "3", "": "4"}}])
    sync()

    assert query("select name, value from fax.fax_tags order by name") == [
        ("", "4"),
        ("Order ID", "1"),
        ("orderId", "3"),
        ("order_id", "2"),
    ]

    served.fake.change(fax["id"], tags={"order_id": "5"})
    sync()

    assert query("select name, value from fax.fax_tags") == [("order_id", "5")]
    assert_holds(warehouse, "phaxio", served.fake.truth())


@pytest.mark.slow
def test_a_cost_that_is_credited_later_is_corrected(serve_fake: ServeFake, sync: Sync, query: Query) -> None:
    (fax,) = generated("phaxio", 1, days=1)
    served = serve_fake("phaxio", [fax | {"cost": 0, "is_test": False}])
    costs = []
    for cents in (0, 21, 7):
        served.fake.change(fax["id"], cost=cents)
        sync()
        costs += query("select cost_usd from fax.faxes")

    assert [(Decimal(0),), (Decimal("0.21"),), (Decimal("0.07"),)] == costs


@pytest.mark.slow
def test_a_fax_that_may_be_a_test_is_counted_and_told(
    serve_fake: ServeFake, sync: Sync, query: Query, settings: Settings, capsys: Any, caplog: Any
) -> None:
    told = {1: True, "True": True, 0: False, "0": False, "perhaps": None, None: None}
    base, now = generated("phaxio", 1)[0], datetime.now(UTC).isoformat()
    faxes = [base | {"id": id, "is_test": value, "created_at": now} for id, value in enumerate(told)]
    serve_fake("phaxio", faxes)
    assert sync().exit_code == 0

    for view, id in (("faxes", "id"), ("fax_recipients", "fax_id")):
        sql = f"select distinct cast({id} as bigint), is_test from fax.{view} order by 1"
        assert query(sql) == list(enumerate(told.values()))
    assert query("select sum(faxes) from fax.monthly_costs") == [(4,)]
    assert query("select count(distinct fax_id) from fax.deliveries") == [(4,)]
    assert query("select record_id, column_name from fax_phaxio.sync_problems") == [("4", "is_test")]
    _, shown, _ = Reporting(settings, capsys, caplog)()
    assert "Faxes that may be tests, and are counted: 2." in shown


def test_a_cost_with_more_decimals_is_in_every_sum(serve_fake: ServeFake, sync: Sync, query: Query) -> None:
    base = generated("phaxio", 1)[0] | {"is_test": False}
    serve_fake("phaxio", [base | {"id": 1, "cost": 7.00000049}, base | {"id": 2, "cost": "7.1"}])
    synced = sync()

    assert (synced.exit_code, synced.accounts["phaxio"]["problems"]) == (0, 1)
    assert query("select sum(cost_usd) from fax.monthly_costs") == [(Decimal("0.141"),)]
    assert query("select record_id, column_name, original from fax_phaxio.sync_problems") == [
        ("1", "cost", "7.00000049")
    ]


def test_a_fax_whose_times_are_written_otherwise_is_in_its_table(
    serve_fake: ServeFake, sync: Sync, query: Query
) -> None:
    base, at = generated("phaxio", 1)[0], datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
    forms = ("%Y-%m-%d %H:%M:%S UTC", "%Y-%m-%dt%H:%M:%Sz", "%a, %d %b %Y %H:%M:%S GMT", "%Y-%m-%d %H:%M:%S +0000")
    served = serve_fake("phaxio", [base | {"id": id, "created_at": at.isoformat()} for id in range(len(forms))])

    def write_otherwise(document: dict[str, Any]) -> dict[str, Any]:
        for fax in document["data"]:
            fax["created_at"] = f"{at:{forms[fax['id']]}}"
        return document

    bend(served, write_otherwise)
    synced = sync()

    assert (synced.exit_code, synced.accounts["phaxio"]["problems"]) == (0, 0)
    assert query("select id, created_at from fax_phaxio.faxes order by 1") == [(id, at) for id in range(len(forms))]
