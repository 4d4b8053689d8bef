"""What five-minute runs leave in a year is checked in one pass over it, and every row that is gone is found."""

import random
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Query, ServeFake, Sync, generated
from tests.support.commands.check_command import Check
from tests.support.tiers import first_quick
from tests.support.warehouse.aged import FIRST_ID, age
from tests.support.warehouse.file_and_database import File, Warehouse
from tests.support.warehouse.rows import rows

YEAR = 365
# Every window with every fax created in it: right, and quadratic.
SHORT = """
    select walked.from_at, walked.to_at, walked.rows_taken - count(held.id)
    from fax_phaxio.sync_windows as walked
    left join fax_phaxio.faxes as held on held.created_at >= walked.from_at and held.created_at < walked.to_at
    group by 1, 2, walked.rows_taken
    having count(held.id) < walked.rows_taken
    order by 1, 2
"""


@pytest.fixture
def synced(place: Warehouse, serve_fake: ServeFake, sync: Sync) -> Warehouse:
    """A warehouse of either kind, just filled with three faxes."""
    serve_fake("phaxio", generated("phaxio", 3, days=0.01))
    assert sync().exit_code == 0
    return place


def about_windows(findings: list[str]) -> list[str]:
    return [finding for finding in findings if "rows are gone" in finding or "never read" in finding]


@pytest.mark.slow
def test_the_ledger_of_a_year_of_five_minute_runs_can_be_checked(synced: Warehouse, check: Check) -> None:
    age(synced, YEAR)
    assert rows(synced, "select count(*), count(distinct _dlt_load_id) from fax_phaxio.sync_windows") == [
        (YEAR * 288 + 1,) * 2
    ]
    assert rows(synced, f"select count(*) from fax_phaxio.faxes where id >= {FIRST_ID}") == [(YEAR * 1000,)]
    _, told = check()
    assert about_windows(told["phaxio"]["findings"]) == []

    synced.write(f"delete from fax_phaxio.faxes where id = {FIRST_ID + 200_000}")
    _, told = check()

    (finding,) = about_windows(told["phaxio"]["findings"])
    assert " lacks 1 or more faxes" in finding


@pytest.mark.slow
@pytest.mark.parametrize("seed", first_quick(range(3)))
def test_faxes_that_are_gone_are_named_with_the_span_of_the_windows_that_lack_them(
    seed: int, warehouse: Path, serve_fake: ServeFake, sync: Sync, check: Check, query: Query
) -> None:
    serve_fake("phaxio", generated("phaxio", 3, days=0.01))
    assert sync().exit_code == 0
    age(File(warehouse), days=12)
    dice = random.Random(seed)
    first = dice.randrange(3000)
    gone = {FIRST_ID + first + dice.randrange(500) for _ in range(20)} | {FIRST_ID + 10_000 + dice.randrange(500)}
    File(warehouse).write(f"delete from fax_phaxio.faxes where id in ({', '.join(map(str, gone))})")
    File(warehouse).write(
        f"update fax_phaxio.faxes set created_at = created_at + interval '1 hour' where id % 97 = {seed}"
    )
    expected: list[list[Any]] = []
    for start, end, missing in query(SHORT):
        if expected and start < expected[-1][1]:
            expected[-1][1:] = [max(end, expected[-1][1]), max(missing, expected[-1][2])]
        else:
            expected.append([start, end, missing])
    _, told = check()

    assert expected != []
    assert [f"{start:%Y-%m-%dT%H:%M:%SZ} to {end:%Y-%m-%dT%H:%M:%SZ} lacks {n}" for start, end, n in expected] == [
        finding.partition(" or more ")[0] for finding in told["phaxio"]["findings"] if " lacks " in finding
    ]
