"""An account that is added to a warehouse: its first load takes the new columns of the others as they are."""

import json
from typing import Any

import pytest

from tests.conftest import Served, ServeFake, Settings, Sync, generated
from tests.support.warehouse.file_and_database import Warehouse
from tests.support.warehouse.oracle import unsound
from tests.support.warehouse.rows import rows

Record = dict[str, Any]


def logs(seed: int, **more: Any) -> list[Record]:
    """Final logs with these new fields."""
    return [log | {"status": "completed"} | more for log in generated("signalwire", 3, days=2, seed=seed)]


def configured(account: str, found: list[Record], serve_fake: ServeFake, settings: Settings) -> Served:
    """Serves and configures an account with these logs."""
    served = serve_fake("signalwire", found, project_id=f"project {account}")
    for key in served.fake.settings(served.server.url):
        own = settings.pop(f"SOURCES__SIGNALWIRE__{key}".upper())
        settings[f"SOURCES__SIGNALWIRE__ACCOUNTS__{account}__{key}".upper()] = own
    return served


@pytest.mark.slow
@pytest.mark.parametrize(("first", "other"), [(5, "abc"), (0, 0.5), ("abc", [1])], ids=repr)
def test_a_second_account_whose_new_field_has_another_type_keeps_the_originals(
    first: Any, other: Any, place: Warehouse, serve_fake: ServeFake, sync: Sync, settings: Settings
) -> None:
    configured("east", logs(1, weight=first), serve_fake, settings)
    assert sync().exit_code == 0
    configured("west", logs(2, weight=other), serve_fake, settings)
    synced = sync()

    assert synced.exit_code == 0, synced.told
    held = "select account, weight, count(*) from fax_signalwire.fax_logs group by 1, 2 order by 1"
    assert rows(place, held) == [("east", first, 3), ("west", None, 3)]
    problems = "select account, original, count(*) from fax_signalwire.sync_problems group by 1, 2"
    assert [
        (account, json.loads(text) if isinstance(text, str) else text, number)
        for account, text, number in rows(place, problems)
    ] == [("west", other, 3)]
    assert list(unsound(place, "fax_signalwire")) == []


@pytest.mark.slow
def test_a_second_account_without_a_new_field_leaves_the_column_of_the_first(
    place: Warehouse, serve_fake: ServeFake, sync: Sync, settings: Settings
) -> None:
    (gone, *_, changed) = found = logs(1, weight={"kg": 1})
    east = configured("east", found, serve_fake, settings)
    assert sync().exit_code == 0
    configured("west", logs(2), serve_fake, settings)
    assert sync().exit_code == 0
    east.fake.delete(gone["id"])
    east.fake.change(changed["id"], weight={"kg": 2})
    synced = sync()

    assert synced.exit_code == 0, synced.told
    sql = "select id, cast(weight as varchar) from fax_signalwire.fax_logs where account = 'east'"
    held = {id: text and json.loads(text) for id, text in rows(place, sql)}
    assert held == {log["id"]: {"kg": 1} for log in found} | {changed["id"]: {"kg": 2}}
    assert rows(place, "select count(*) from fax.schema_changes where column_name = 'weight'") == [(1,)]


@pytest.mark.slow
def test_a_column_that_the_stored_schema_lacks_keeps_its_type_and_its_values(
    place: Warehouse, serve_fake: ServeFake, sync: Sync, settings: Settings
) -> None:
    (gone, *_) = found = logs(1, weight=5)
    east = configured("east", found, serve_fake, settings)
    assert sync().exit_code == 0
    drop_from_stored_schemas(place, "fax_logs", "weight")  # as an account that was added did in an earlier version
    configured("west", logs(2, weight=0.5), serve_fake, settings)
    east.fake.delete(gone["id"])
    synced = sync()

    assert synced.exit_code == 0, synced.told
    held = "select account, weight, count(*) from fax_signalwire.fax_logs group by 1, 2 order by 1"
    assert rows(place, held) == [("east", 5, 3), ("west", None, 3)]
    problems = "select account, column_name, count(*) from fax_signalwire.sync_problems group by 1, 2"
    assert rows(place, problems) == [("west", "weight", 3)]


def drop_from_stored_schemas(place: Warehouse, table: str, column: str) -> None:
    """Removes a column from each schema that dlt has stored, but not from the table."""
    for digest, text in rows(place, "select version_hash, schema from fax_signalwire._dlt_version"):
        schema = json.loads(text)
        del schema["tables"][table]["columns"][column]
        changed = json.dumps(schema).replace("'", "''")
        place.write(f"update fax_signalwire._dlt_version set schema = '{changed}' where version_hash = '{digest}'")


@pytest.mark.slow
def test_accounts_of_one_run_see_the_new_columns_of_those_before(
    place: Warehouse, serve_fake: ServeFake, sync: Sync, settings: Settings
) -> None:
    configured("east", logs(1), serve_fake, settings)
    configured("north", logs(2, weight=0.5), serve_fake, settings)
    configured("south", logs(3, weight="heavy", depth=1), serve_fake, settings)
    configured("west", logs(4, depth=2), serve_fake, settings)

    synced = sync()

    assert synced.exit_code == 0, synced.told
    held = "select account, weight, depth, count(*) from fax_signalwire.fax_logs group by 1, 2, 3 order by 1"
    assert rows(place, held) == [
        ("east", None, None, 3),
        ("north", 0.5, None, 3),
        ("south", None, 1, 3),
        ("west", None, 2, 3),
    ]
    problems = "select account, original, count(*) from fax_signalwire.sync_problems group by 1, 2"
    assert [(account, number) for account, _, number in rows(place, problems)] == [("south", 3)]
    assert list(unsound(place, "fax_signalwire")) == []
    assert sync().exit_code == 0
    assert rows(place, "select count(*) from fax_signalwire.fax_logs") == [(12,)]
