"""A warehouse that was restored from an older backup: one run, and it holds what the provider holds."""

import pytest

import sources
from tests.conftest import ServeFake, Sync, generated
from tests.faults.conftest import more
from tests.support.warehouse.file_and_database import Warehouse
from tests.support.warehouse.oracle import assert_holds
from tests.support.warehouse.rows import rows


@pytest.mark.parametrize("provider", sources.providers())
def test_a_restored_backup_is_made_exact_by_one_run(
    provider: str, serve_fake: ServeFake, sync: Sync, place: Warehouse
) -> None:
    served = serve_fake(provider, generated(provider, 120, days=20))
    assert sync().exit_code == 0
    restore = place.backup()
    held = len(served.fake.truth())
    for seed in (11, 12, 13):
        served.fake.add(*more(provider, 20, seed=seed))
        for id in served.fake.open_ids()[::2]:
            served.fake.settle_one(id)
        assert sync().exit_code == 0
    restore()
    assert rows(place, "select count(*) from fax.faxes") == [(held,)]

    assert sync().exit_code == 0
    assert_holds(place, provider, served.fake.truth())
    assert sync().accounts[provider]["new"] == 0
