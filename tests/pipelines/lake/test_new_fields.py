"""New fields in Delta tables: beside columns that a user has added, and which account `schema_changes` names."""

from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ServeFake, Settings, Sync, generated
from tests.support.lake import MISSING, differences, into_delta, rows, versions

pytest.importorskip("deltalake", reason=MISSING)


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    return tmp_path / "lake"


def add_column(table: Path, name: str, data_type: Any) -> None:
    """Adds a column as a user's program does."""
    import pyarrow as pa
    from deltalake import DeltaTable, write_deltalake

    held = DeltaTable(table)
    schema = pa.schema([*pa.schema(held.to_pyarrow_dataset().schema), pa.field(name, data_type)])
    write_deltalake(held, schema.empty_table(), mode="append", schema_mode="merge")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["note", "Note"])
def test_a_users_column_with_the_name_of_a_new_field_is_told_and_nothing_is_merged(
    name: str, serve_fake: ServeFake, sync: Sync, settings: Settings, warehouse: Path, lake: Path
) -> None:
    import pyarrow as pa
    from deltalake import DeltaTable

    served = serve_fake("phaxio", generated("phaxio", 20, days=2))
    faxes = lake / "fax_phaxio" / "faxes"
    with into_delta(settings, lake)():
        assert sync().exit_code == 0
        add_column(faxes, name, pa.int32())
        for id in [*served.fake.records][:5]:
            served.fake.change(id, note="a new field", recipients=[])
        before = versions(lake)
        refused = sync()
        after = versions(lake)
        DeltaTable(faxes).restore(1)
        assert sync().exit_code == 0
    assert sync().exit_code == 0

    assert refused.exit_code == 69
    assert f"table faxes has a column of yours, {name}, with the name of a new field" in refused.told
    assert after["fax_phaxio/fax_recipients"] == before["fax_phaxio/fax_recipients"]
    assert differences(warehouse, lake, "phaxio", ["note"]) == {}


def test_a_new_field_may_have_the_name_of_anything_in_a_merge(
    serve_fake: ServeFake, sync: Sync, settings: Settings, warehouse: Path, lake: Path
) -> None:
    served = serve_fake("phaxio", generated("phaxio", 20, days=2))
    new = {"_replaced": "x", "source": 1, "target": 2, "held": 3}
    recipient = {"phone_number": "+15550100001", "status": "success"}
    with into_delta(settings, lake)():
        assert sync().exit_code == 0
        for id in [*served.fake.records][:3]:
            served.fake.change(id, recipients=[recipient | new], **new)
        assert sync().exit_code == 0
    assert sync().exit_code == 0

    assert differences(warehouse, lake, "phaxio", [*new]) == {}


@pytest.mark.parametrize("contract", ["discard", "evolve"])
def test_a_new_field_is_recorded_for_an_account_that_has_it(
    contract: str, serve_fake: ServeFake, sync: Sync, settings: Settings, lake: Path
) -> None:
    settings["SOURCES__PHAXIO__SCHEMA_CONTRACT"] = contract
    for account, first in (("east", 1_000), ("west", 2_000)):
        faxes = generated("phaxio", 10, days=2, seed=first, first_id=first)
        faxes[3] |= {"note": "new"} if account == "west" else {}
        serve_fake("phaxio", faxes, api_key=f"key-{first}")
        for key in ("API_KEY", "API_SECRET", "BASE_URL"):
            settings[f"SOURCES__PHAXIO__ACCOUNTS__{account}__{key}".upper()] = settings.pop(f"SOURCES__PHAXIO__{key}")
    with into_delta(settings, lake)():
        assert sync().exit_code == 0

    assert [row["account"] for row in rows(lake, "phaxio", "schema_changes")] == ["west"]
