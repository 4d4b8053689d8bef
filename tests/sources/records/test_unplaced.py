"""Records without a usable id or creation time are kept whole in `sync_problems`; one from the future stops nothing."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import sources
from tests.conftest import Query, Served, ServeFake, Sync, generated
from tests.support.faults.bending import bend
from tests.support.faults.wire import created
from tests.support.tiers import quick_ones
from tests.support.warehouse.oracle import assert_holds
from tests.support.warehouse.rows import content

NO_TIME: dict[str, Any] = {
    "none": None,
    "February 30": "2026-02-30T00:00:00Z",
    "second 60": "2026-02-20T00:00:60Z",
    "the year 10000": "10000-01-01T00:00:00Z",
    "beyond the last instant": "9999-12-31T23:59:59-06:00",
    "a number": 1700000000,
    "a NUL": "2026\x00",
}
NO_ID: dict[str, dict[str, Any]] = {
    "id is null": {"id": None},
    "id is a list": {"id": []},
    "id is empty": {"id": ""},
}


def slip_in(served: Served, *records: dict[str, Any]) -> None:
    """Adds records, which the fake itself could not hold, to every page, and to the count if there is one."""

    def more(page: dict[str, Any]) -> dict[str, Any]:
        page["data"] += records
        if "paging" in page:
            page["paging"]["total"] += len(records)
        if "totalItems" in page:
            page["totalItems"] += len(records)
        return page

    bend(served, more)


@pytest.mark.parametrize("provider", quick_ones(sources.providers(), ["phaxio"]))
def test_records_without_a_place_are_kept_whole_and_once(
    provider: str, serve_fake: ServeFake, sync: Sync, warehouse: Path, query: Query
) -> None:
    served = serve_fake(provider, generated(provider, 4, days=2))
    no_place = [*NO_ID.values(), *(created(provider, moment) for moment in NO_TIME.values())]
    odd = [record | fields for record, fields in zip(generated(provider, 10, seed=8), no_place, strict=True)]
    slip_in(served, *odd)

    assert sync().exit_code == 0
    kept = query(f"select original, column_name from fax_{provider}.sync_problems")
    whole = map(sources.provider(provider).TABLE.shaped, odd)
    assert sorted(map(json.dumps, whole)) == sorted(json.dumps(json.loads(original)) for original, _ in kept)
    assert {None} == {column for _, column in kept}
    assert_holds(warehouse, provider, served.fake.truth())

    before = content(warehouse, provider)

    assert sync().exit_code == 0
    assert before == content(warehouse, provider)


@pytest.mark.slow
@pytest.mark.parametrize("provider", quick_ones(sources.providers(), ["signalwire"]))
def test_a_fax_from_the_future_is_held_and_hides_none_that_comes_later(
    provider: str, serve_fake: ServeFake, sync: Sync, query: Query
) -> None:
    odd, *faxes = generated(provider, 4, days=2)
    served = serve_fake(provider, faxes)
    slip_in(served, odd | created(provider, "2099-01-01T00:00:00Z"))
    codes = [sync().exit_code]
    later = generated(provider, 2, days=1, seed=4, **({"first_id": 900_000_000} if provider == "phaxio" else {}))
    served.fake.add(*later)
    codes.append(sync().exit_code)

    assert codes == [0, 0]
    assert sorted([str(fax["id"]) for fax in [odd, *faxes, *later]]) == sorted(
        id for (id,) in query("select id from fax.faxes")
    )
    assert [(datetime(2099, 1, 1, tzinfo=UTC),)] == query("select max(created_at) from fax.faxes")


@pytest.mark.slow
@pytest.mark.parametrize("provider", quick_ones(sources.providers(), ["sinch"]))
def test_a_feed_that_has_lost_its_ids_loads_nothing_and_says_so(
    provider: str, serve_fake: ServeFake, sync: Sync, warehouse: Path
) -> None:
    served = serve_fake(provider, generated(provider, 4, days=2))
    assert sync().exit_code == 0
    before, honest = content(warehouse, provider), served.server.answer
    served.fake.add(
        *generated(provider, 20, days=1, seed=3, **({"first_id": 700_000_001} if provider == "phaxio" else {}))
    )

    bend(served, lambda page: page | {"data": [{**record, "id": [record["id"]]} for record in page["data"]]})
    told = sync()

    assert (told.exit_code, "24 of 24 records" in told.told) == (65, True)
    assert content(warehouse, provider) == before

    served.server.answer = honest
    assert sync().exit_code == 0
    assert_holds(warehouse, provider, served.fake.truth())
