"""A field that nobody declared keeps its type: in the windows of one load, and beside tombstones."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.conftest import ServeFake, Settings, Sync, generated
from tests.support.tiers import first_quick
from tests.support.warehouse.file_and_database import Warehouse
from tests.support.warehouse.oracle import assert_holds
from tests.support.warehouse.rows import rows

Record = dict[str, Any]
DAYS = 300  # many windows, all in one load
TABLES = ("fax_logs", "fax_log_charge_details")
FLIPS: list[tuple[Any, Any]] = [(0, 0.5), (5, "abc"), ("abc", [1]), (True, {"a": 1})]  # neither type holds the other


def logs(count: int, days: int = DAYS) -> list[Record]:
    """Final logs, oldest first, each with one line of charges."""
    found = generated("signalwire", count, days=days)
    return [log | {"status": "completed", "charge_details": [{"description": "Fax", "charge": 0.01}]} for log in found]


def with_weight(log: Record, weight: Any) -> Record:
    """The log with the new field `weight`, which its line of charges has, too."""
    return log | {"weight": weight, "charge_details": [log["charge_details"][0] | {"weight": weight}]}


def flipping(found: list[Record], before: Any, after: Any) -> list[Record]:
    """The logs with a new field whose type is another in the younger half."""
    half = len(found) // 2
    return [with_weight(log, before if number < half else after) for number, log in enumerate(found)]


def assert_first_type_won(place: Warehouse, count: int, before: Any, after: Any) -> None:
    """Half of the values are in the column, and the other half in `sync_problems`."""
    problems = "select table_name, original, count(*) from fax_signalwire.sync_problems group by 1, 2 order by 1 desc"
    assert [
        (table, json.loads(text) if isinstance(text, str) else text, number)
        for table, text, number in rows(place, problems)
    ] == [(table, after, count // 2) for table in TABLES]
    for table in TABLES:
        held = rows(place, f"select weight, count(*) from fax_signalwire.{table} group by 1 order by 2, 1")
        assert sorted(held, key=repr) == sorted([(before, count // 2), (None, count // 2)], key=repr)


@pytest.mark.slow
@pytest.mark.parametrize(("before", "after"), FLIPS, ids=repr)
def test_a_type_that_flips_within_the_first_load_keeps_the_originals(
    before: Any, after: Any, place: Warehouse, serve_fake: ServeFake, sync: Sync
) -> None:
    served = serve_fake("signalwire", flipping(logs(100), before, after))
    first, again = sync(), sync()

    assert (first.exit_code, again.exit_code, again.accounts["signalwire"]["changed"]) == (0, 0, 0), first.told
    assert_first_type_won(place, 100, before, after)
    assert_holds(place, "signalwire", served.fake.truth())


@pytest.mark.slow
@pytest.mark.parametrize(("before", "after"), FLIPS, ids=repr)
def test_a_type_that_flips_within_a_later_load_keeps_the_originals(
    before: Any, after: Any, place: Warehouse, serve_fake: ServeFake, sync: Sync
) -> None:
    found = logs(100)
    served = serve_fake("signalwire", found)
    assert sync().exit_code == 0
    for log in flipping(found, before, after):
        served.fake.add(log)
    synced = sync("--since", f"{datetime.now(UTC) - timedelta(days=DAYS + 1):%Y-%m-%d}", "--refetch")

    assert (synced.exit_code, synced.accounts["signalwire"]["changed"]) == (0, 100), synced.told
    assert_first_type_won(place, 100, before, after)
    assert_holds(place, "signalwire", served.fake.truth())


@pytest.mark.slow
def test_a_type_that_flips_within_one_load_is_told_once(serve_fake: ServeFake, sync: Sync, place: Warehouse) -> None:
    serve_fake("signalwire", flipping(logs(100), 5, "abc"))
    told = sync()

    assert told.accounts["signalwire"]["new_columns"] == {table: ["weight"] for table in TABLES}
    changes = "select table_name, data_type from fax_signalwire.schema_changes order by 1 desc"
    assert rows(place, changes) == [(table, "bigint") for table in TABLES]


@pytest.mark.slow
def test_a_contract_that_discards_leaves_out_a_field_whose_type_flips(
    serve_fake: ServeFake, sync: Sync, place: Warehouse, settings: Settings
) -> None:
    settings["SOURCES__SIGNALWIRE__SCHEMA_CONTRACT"] = "discard"
    served = serve_fake("signalwire", flipping(logs(100), 5, "abc"))
    synced = sync()

    assert synced.exit_code == 0
    assert rows(place, "select count(*) from fax_signalwire.sync_problems") == [(0,)]
    assert rows(place, "select count(*) from information_schema.columns where column_name = 'weight'") == [(0,)]
    assert_holds(place, "signalwire", served.fake.truth())


@pytest.mark.slow
@pytest.mark.parametrize("phone_numbers", first_quick(["keep", "drop"]))
def test_a_log_is_deleted_in_the_load_that_adds_a_json_column(
    phone_numbers: str, serve_fake: ServeFake, sync: Sync, place: Warehouse, settings: Settings
) -> None:
    found = logs(100)
    served = serve_fake("signalwire", found)
    assert sync().exit_code == 0
    settings["PRIVACY__PHONE_NUMBERS"] = phone_numbers
    served.fake.add(with_weight(found[0], {"kg": 1}))
    served.fake.delete(found[-1]["id"])
    synced = sync("--since", f"{datetime.now(UTC) - timedelta(days=DAYS + 1):%Y-%m-%d}", "--refetch")

    assert (synced.exit_code, synced.accounts["signalwire"]["deleted"]) == (0, 1), synced.told
    sql = "select id, discarded_at is null from fax_signalwire.fax_logs where weight is not null or discarded_at is not"
    assert sorted(rows(place, f"{sql} null")) == sorted([(found[0]["id"], True), (found[-1]["id"], False)])


@pytest.mark.slow
def test_a_json_column_stays_json_beside_a_tombstone_and_a_log_without_it(
    serve_fake: ServeFake, sync: Sync, place: Warehouse
) -> None:
    found = logs(6, days=2)
    gone, then_gone, changed, *later = found
    served = serve_fake("signalwire", [with_weight(log, {"kg": 1}) for log in (gone, then_gone, changed)])
    assert sync().exit_code == 0
    served.fake.delete(gone["id"])
    served.fake.add(later[0])
    assert sync().exit_code == 0
    served.fake.delete(then_gone["id"])
    served.fake.add(with_weight(changed, {"kg": 2}), later[1], with_weight(later[2], {"kg": 3}))
    synced = sync()

    assert (synced.exit_code, synced.accounts["signalwire"]["deleted"]) == (0, 1), synced.told
    assert rows(place, "select column_name, original from fax_signalwire.sync_problems") == []
    for table, key in (("fax_logs", "id"), ("fax_log_charge_details", "fax_log_id")):
        sql = f"select {key}, cast(weight as varchar) from fax_signalwire.{table}"
        held = {id: text and json.loads(text) for id, text in rows(place, sql)}
        expected = [{"kg": 1}, {"kg": 1}, {"kg": 2}, None, None, {"kg": 3}]
        assert held == dict(zip([log["id"] for log in found], expected, strict=True))


@pytest.mark.slow
def test_a_deletion_keeps_a_nested_value_of_a_column_that_the_stored_schema_takes_for_text(
    serve_fake: ServeFake, sync: Sync, place: Warehouse
) -> None:
    found = logs(4, days=2)
    served = serve_fake("signalwire", [with_weight(log, '{"kg": 1}') for log in found])
    assert sync().exit_code == 0
    kind = "jsonb" if place.kind == "postgres" else "json"  # as after the loss of a JSON mark
    for table in TABLES:
        place.write(f"alter table fax_signalwire.{table} alter column weight type {kind} using weight::{kind}")
    served.fake.delete(found[0]["id"])
    synced = sync()

    assert (synced.exit_code, synced.accounts["signalwire"]["deleted"]) == (0, 1), synced.told
    for table in TABLES:
        held = rows(place, f"select cast(weight as varchar) from fax_signalwire.{table}")
        assert [json.loads(text) for (text,) in held] == [{"kg": 1}] * len(found)
