"""A field that nobody declared, and what `schema_contract` makes of it."""

from typing import Any

import pytest

from tests.conftest import Query, Served, ServeFake, Settings, Sync, generated
from tests.support.warehouse.oracle import assert_holds

Record = dict[str, Any]
COLUMNS = "select distinct table_name, column_name from information_schema.columns where column_name = 'region'"
CHANGES = "select table_name, column_name, data_type, shape from fax.schema_changes order by all"
REGION = "us-east-77"
RECIPIENT = {"phone_number": "+15550100001", "status": "success", "region": REGION}


@pytest.fixture
def served(serve_fake: ServeFake, sync: Sync) -> Served:
    """An account that is held, with one fax more that has a new field, and whose recipient has it, too."""
    served = serve_fake("phaxio", generated("phaxio", 20, days=2))
    assert sync().exit_code == 0
    (fax,) = generated("phaxio", 1, days=0.1, seed=5, first_id=900_000_001)
    sent = {"direction": "sent", "from_number": None, "to_number": None}
    served.fake.add(fax | sent | {"region": REGION, "recipients": [RECIPIENT]})
    return served


def test_evolve_makes_it_a_column_and_tells_its_shape_once(served: Served, sync: Sync, query: Query) -> None:
    told, again = sync(), sync()

    assert told.accounts["phaxio"]["new_columns"] == {"faxes": ["region"], "fax_recipients": ["region"]}
    assert again.accounts["phaxio"]["new_columns"] == {}
    assert query(CHANGES) == [(table, "region", "text", '"aa-aaaa-99"') for table in ("fax_recipients", "faxes")]
    assert query("select region from fax_phaxio.faxes where region is not null") == [(REGION,)]
    assert query("select region from fax_phaxio.fax_recipients where region is not null") == [(REGION,)]


@pytest.mark.slow
def test_discard_keeps_the_fax_without_it_and_tells_it_once(
    served: Served, sync: Sync, query: Query, settings: Settings, warehouse: Any
) -> None:
    settings["SOURCES__PHAXIO__SCHEMA_CONTRACT"] = "discard"
    told, again = sync(), sync()

    assert (told.exit_code, told.accounts["phaxio"]["new"]) == (0, 1)
    assert again.accounts["phaxio"]["changed"] == 0
    assert query(COLUMNS) == []
    assert len(query(CHANGES)) == 2
    assert_holds(warehouse, "phaxio", served.fake.truth())


@pytest.mark.slow
def test_freeze_loads_nothing_names_the_field_and_goes_on_once_it_is_let_in(
    served: Served, sync: Sync, query: Query, settings: Settings, warehouse: Any
) -> None:
    settings["SOURCES__PHAXIO__SCHEMA_CONTRACT"] = "freeze"
    held = query("select count(*) from fax_phaxio._dlt_loads")
    frozen = sync()

    assert (frozen.exit_code, "'region'" in frozen.told, REGION in frozen.told) == (65, True, False)
    assert (query(COLUMNS), query("select count(*) from fax_phaxio._dlt_loads")) == ([], held)

    settings["SOURCES__PHAXIO__SCHEMA_CONTRACT"] = "evolve"
    assert sync().exit_code == 0
    assert_holds(warehouse, "phaxio", served.fake.truth())


def test_another_word_is_refused_before_anything_is_asked(served: Served, sync: Sync, settings: Settings) -> None:
    settings["SOURCES__PHAXIO__SCHEMA_CONTRACT"] = "frozen"
    asked = len(served.server.requests)
    refused = sync()

    assert (refused.exit_code, "schema_contract" in refused.told) == (78, True)
    assert len(served.server.requests) == asked
