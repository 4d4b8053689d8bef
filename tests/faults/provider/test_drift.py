"""Two hundred changes of shape: every view runs after each load, no column varies, and no value is lost."""

import json
from decimal import Decimal
from typing import Any

import pytest

import sources
from tests.conftest import ServeFake, Sync, generated
from tests.faults.conftest import more
from tests.support.faults.drifting import Drift
from tests.support.warehouse.file_and_database import Warehouse
from tests.support.warehouse.oracle import assert_holds
from tests.support.warehouse.rows import named_rows, reading, rows

CHANGES, A_RUN = 200, 40  # changes of shape, and how many of them come between two runs
VIEWS = "select table_name from information_schema.views where table_schema = 'fax'"


def held(warehouse: Warehouse, provider: str) -> dict[str, set[str]]:
    """Every value that the warehouse has of each fax, in a column or as the original of a problem."""
    told: dict[str, set[str]] = {}
    for row in named_rows(warehouse, f"select * from fax_{provider}.{sources.provider(provider).TABLE.name}"):
        told.setdefault(str(row["id"]), set()).update(map(plain, row.values()))
    for id, original in rows(warehouse, f"select record_id, original from fax_{provider}.sync_problems"):
        told.setdefault(id, set()).add(plain(original))
    return told


def plain(value: Any) -> str:
    """The value as JSON, as which a column of any type may hold it: numbers and what is nested may be text there."""
    if isinstance(value, str):
        try:
            return plain(json.loads(value))
        except ValueError:
            return value
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return f"{Decimal(str(value)).normalize():f}"
    return json.dumps(value, sort_keys=True, default=str)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("provider", sources.providers())
def test_no_change_of_shape_loses_a_value_or_breaks_a_view(
    provider: str, serve_fake: ServeFake, sync: Sync, place: Warehouse
) -> None:
    served = serve_fake(provider, generated(provider, 20, days=2))
    drift, faxes, sent = Drift(1), more(provider, CHANGES, days=2), {}
    for number, fax in enumerate(faxes, 1):
        drift.change()
        served.fake.add(fax | drift.fields)
        sent[str(fax["id"])] = dict(drift.fields)
        if number % A_RUN:
            continue

        assert sync().exit_code == 0
        assert_holds(place, provider, served.fake.truth())
        with reading(place) as connection:
            for (view,) in rows(connection, VIEWS):
                rows(connection, f"select * from fax.{view}")
        there = held(place, provider)
        lost = [
            (id, key, value)
            for id, fields in sent.items()
            for key, value in fields.items()
            if plain(value) not in there[id]
        ]
        assert lost == []
    assert len(rows(place, f"select column_name from fax_{provider}.schema_changes")) > 30
    assert len(rows(place, f"select column_name from fax_{provider}.sync_problems")) > 30
