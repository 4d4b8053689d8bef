"""What is peculiar to SignalWire: links, stubs of deleted logs, a limited history, numbers that may be text."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from sources.signalwire.fake import DOCUMENTED
from sources.signalwire.fake.query import history_limit
from tests.conftest import Query, Served, ServeFake, Settings, Sync, generated
from tests.support.commands.in_process import Time, run_once
from tests.support.faults.inject import broken, dated
from tests.support.warehouse.oracle import assert_holds


def test_the_documented_log_loads_value_for_value_and_as_failed(
    serve_fake: ServeFake, sync: Sync, query: Query
) -> None:
    serve_fake("signalwire", DOCUMENTED)
    sync()

    columns = "id, created_at, completed_at, direction, provider_direction, outcome, provider_status, from_number,"
    columns += " to_number, num_pages, cost_usd, is_test, is_final, is_deleted, error_code, error_message"
    assert [
        (
            *("b7182dc2-00f3-40e4-a5ce-20f164b329df", datetime(2024, 5, 6, 12, 20, tzinfo=UTC), None),
            *("received", "inbound", "failed", "completed", "+12065551212", "+12065553434", 2, Decimal("0.01")),
            *(False, True, False, "34004", "The call dropped prematurely"),
        )
    ] == query(f"select {columns} from fax.faxes")
    assert query("select phone_number, outcome from fax.fax_recipients") == [("+12065551212", "failed")]


def deletable(served: Served) -> list[str]:
    return [fax["id"] for fax in served.fake.truth() if fax["is_final"]]


@pytest.mark.slow
def test_a_deleted_log_is_marked_and_nothing_known_of_it_is_blanked(
    serve_fake: ServeFake, sync: Sync, query: Query, warehouse: Path
) -> None:
    served = serve_fake("signalwire", generated("signalwire", 40, days=2))
    sync()
    details = query("select count(*) from fax_signalwire.fax_log_charge_details")
    gone = deletable(served)[:10]
    for id in gone:
        served.fake.delete(id)
    synced = sync()

    assert (synced.exit_code, synced.accounts["signalwire"]["deleted"]) == (0, 10)
    assert_holds(warehouse, "signalwire", served.fake.truth())
    assert details == query("select count(*) from fax_signalwire.fax_log_charge_details")
    assert sorted((id,) for id in gone) == query("select id from fax.faxes where is_deleted order by id")


@pytest.mark.slow
def test_a_log_that_is_there_again_is_no_longer_marked(
    serve_fake: ServeFake, sync: Sync, query: Query, warehouse: Path
) -> None:
    served = serve_fake("signalwire", generated("signalwire", 20, days=2))
    sync()
    id = deletable(served)[-1]
    log = served.fake.records[id]
    served.fake.delete(id)
    sync()
    marked = query("select id from fax.faxes where is_deleted")
    served.fake.add(log)
    sync()

    assert [(id,)] == marked
    assert_holds(warehouse, "signalwire", served.fake.truth())


@pytest.mark.slow
def test_a_log_deleted_before_it_was_ever_seen_is_held_with_what_is_known(
    serve_fake: ServeFake, sync: Sync, query: Query
) -> None:
    served = serve_fake("signalwire", generated("signalwire", 10, days=2))
    id = deletable(served)[0]
    served.fake.delete(id)

    assert sync().exit_code == 0
    assert [(id, True, None, None)] == query(
        "select id, is_deleted, provider_status, cost_usd from fax.faxes where is_deleted"
    )
    assert tuple(sync().accounts["signalwire"][count] for count in ("new", "changed")) == (0, 0)


@pytest.mark.slow
def test_a_limited_history_loads_the_rest_and_tells_the_gap(
    serve_fake: ServeFake, sync: Sync, query: Query, warehouse: Path
) -> None:
    served = serve_fake("signalwire", generated("signalwire", 200, days=720), history_limit="year")
    synced = sync()

    limit = history_limit(datetime.now(UTC))
    assert (synced.exit_code, "beyond the provider's history" in synced.told) == (0, True)
    assert_holds(warehouse, "signalwire", [fax for fax in served.fake.truth() if fax["created_at"] >= limit])
    assert [(limit,)] == query("select max(to_at) from fax.sync_windows where proof = 'gap'")


@pytest.mark.slow
def test_a_history_that_is_limited_to_an_instant_is_loaded_from_that_hour_on(
    serve_fake: ServeFake, sync: Sync, query: Query, warehouse: Path
) -> None:
    logs = generated("signalwire", 2_000, days=372)
    served = serve_fake("signalwire", logs, history_limit="year to the second")
    synced = sync()

    limit = history_limit(datetime.now(UTC), "year to the second") + timedelta(hours=1)
    kept = [fax["created_at"] for fax in served.fake.truth() if fax["created_at"] >= limit]
    ((earliest,),) = query("select min(created_at) from fax.faxes")
    assert (synced.exit_code, earliest <= min(kept)) == (0, True)
    assert query("select max(to_at) <= ? from fax.sync_windows where proof = 'gap'", limit) == [(True,)]
    assert sync().exit_code == 0


@pytest.mark.slow
@pytest.mark.parametrize("keep", ["no", "ignored"])
def test_a_deletion_on_a_later_page_is_seen_though_links_lack_the_parameters(
    keep: str, serve_fake: ServeFake, sync: Sync, warehouse: Path
) -> None:
    served = serve_fake("signalwire", generated("signalwire", 700, days=1), links_keep_filter=keep, page_cap="200")
    sync()
    for id in deletable(served)[::50]:
        served.fake.delete(id)

    assert sync().exit_code == 0
    assert_holds(warehouse, "signalwire", served.fake.truth())


@pytest.mark.slow
def test_logs_that_were_deleted_unread_are_not_re_read(serve_fake: ServeFake, settings: Settings) -> None:
    served = serve_fake("signalwire", generated("signalwire", 30, days=8))
    for id in deletable(served):
        served.fake.delete(id)
    with broken(served, dated(timedelta())):
        run_once("signalwire", settings, Time(timedelta()))
    served.server.requests.clear()
    with broken(served, dated(timedelta(days=5))):
        run_once("signalwire", settings, Time(timedelta(days=5)))

    assert {request.path.rpartition("/")[2] for request in served.server.requests} - {*served.fake.open_ids()} == {
        "logs"
    }


@pytest.mark.slow
@pytest.mark.parametrize("links", ["absolute", "relative"])
def test_a_chain_of_links_without_filters_and_with_empty_pages_is_followed_to_its_end(
    links: str, serve_fake: ServeFake, sync: Sync, warehouse: Path
) -> None:
    readings = {"links": links, "links_keep_filter": "ignored", "empty_page": "sometimes", "page_cap": "200"}
    served = serve_fake("signalwire", generated("signalwire", 900, days=60), **readings)

    assert sync().exit_code == 0
    assert_holds(warehouse, "signalwire", served.fake.truth())


@pytest.mark.slow
def test_links_that_lose_the_filter_do_not_lead_through_the_whole_history(serve_fake: ServeFake, sync: Sync) -> None:
    served = serve_fake(
        "signalwire", generated("signalwire", 4_000, days=700), links_keep_filter="ignored", page_cap="200"
    )
    sync()
    served.server.requests.clear()
    served.fake.add(*generated("signalwire", 250, days=1, seed=5))
    synced = sync()

    assert synced.accounts["signalwire"]["new"] == 250
    assert len([request for request in served.server.requests if request.path == "/api/fax/logs"]) <= 4


def test_numbers_as_text_and_milliseconds_are_held_exactly(serve_fake: ServeFake, sync: Sync, query: Query) -> None:
    at = (datetime.now(UTC) - timedelta(days=1)).replace(microsecond=146000)
    log = DOCUMENTED[0] | {"created_at": at.strftime("%Y-%m-%dT%H:%M:%S.146Z"), "charge": 0.0205}
    serve_fake("signalwire", [log], numbers="text", milliseconds="yes")
    sync()

    assert [(at, Decimal("0.0205"), 2)] == query("select created_at, cost_usd, num_pages from fax.faxes")
