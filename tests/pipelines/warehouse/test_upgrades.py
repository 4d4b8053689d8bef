"""A warehouse that an older version has made is brought forward by one run, and nothing in it is lost."""

from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

import duckdb
import pytest

import sources
from tests.conftest import ROOT, Query, ServeFake, Sync
from tests.support.tiers import first_quick
from tests.support.warehouse.file_and_database import File
from tests.support.warehouse.oracle import assert_holds

OLD = sorted((ROOT / "tests" / "old_warehouses").glob("*.sql"))
HELD = [(name, version) for version in OLD for name in sources.providers() if f"fax_{name}" in version.read_text()]
SPAN = {"start": datetime(2026, 11, 10, tzinfo=UTC), "end": datetime(2026, 11, 21, tzinfo=UTC)}


@pytest.mark.slow
@pytest.mark.parametrize(("provider", "version"), first_quick(HELD))
def test_an_old_warehouse_is_brought_forward(
    provider: str, version: Path, serve_fake: ServeFake, sync: Sync, warehouse: Path, query: Query
) -> None:
    File(warehouse).write(version.read_text())
    records = import_module(f"sources.{provider}.fake").generate(14, **SPAN, seed=7)
    served = serve_fake(provider, records)
    served.fake.settle_one(served.fake.open_ids()[0])
    synced = sync()

    assert (synced.exit_code, synced.accounts[provider]["new"]) == (0, 0)
    assert_holds(warehouse, provider, served.fake.truth())
    assert query("select count(*) > 0 from fax.sync_runs") == [(True,)]
    assert query("select count(*) > 0 from fax.balances") == [(hasattr(served.fake, "paid_in"),)]


@pytest.mark.parametrize(("provider", "version"), first_quick(HELD))
def test_a_quiet_run_over_an_old_warehouse_leaves_every_view_usable(
    provider: str, version: Path, serve_fake: ServeFake, sync: Sync, warehouse: Path, query: Query
) -> None:
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(version.read_text())
        fresh = f"update fax_{provider}.sync_windows set to_at = now()"
        connection.execute(fresh)
    serve_fake(provider, import_module(f"sources.{provider}.fake").generate(14, **SPAN, seed=7))

    assert sync("--since", "2026-11-10", "--until", "2026-11-11").exit_code == 0
    assert query("select count(*) > 0 from fax.sync_windows where provider_total_last is null") == [(True,)]
    assert query("select count(*) from fax.balances") == [(0,)]
