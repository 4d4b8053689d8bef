"""`sync_runs` tells every run that wrote something, or failed, and no other."""

import duckdb
import pytest

from sources.fakes.server import Answer
from tests.conftest import Query, ServeFake, Sync, generated

RUNS = "select exit_code, rows_new, rows_changed, loads from fax.sync_runs order by started_at"


@pytest.mark.slow
def test_what_wrote_or_failed_is_written_down_and_what_was_quiet_is_not(
    serve_fake: ServeFake, sync: Sync, query: Query
) -> None:
    served = serve_fake("phaxio", generated("phaxio", 12, days=2))
    sync()
    sync()
    honest = served.server.answer
    served.server.answer = lambda request: Answer(401)
    sync()
    served.server.answer = honest
    served.fake.settle_one(served.fake.open_ids()[0])
    sync()

    assert query(RUNS) == [(0, 12, 0, 1), (77, 0, 0, 0), (0, 0, 1, 1)]


def test_a_run_tells_what_it_took(serve_fake: ServeFake, sync: Sync, query: Query) -> None:
    served = serve_fake("signalwire", generated("signalwire", 12, days=2))
    synced = sync()
    ((requests, retries, received, in_order),) = query(
        "select requests, retries, bytes, started_at < finished_at from fax.sync_runs"
    )

    assert (requests, retries) == (len(served.server.requests), 0)
    assert (synced.accounts["signalwire"]["requests"], received > 1_000, in_order) == (requests, True, True)


@pytest.mark.slow
def test_a_table_of_runs_that_was_dropped_is_made_again(serve_fake: ServeFake, sync: Sync, query: Query) -> None:
    served = serve_fake("phaxio", generated("phaxio", 12, days=2))
    sync()
    (path,) = {row[0] for row in query("select path from duckdb_databases() where path is not null")}
    with duckdb.connect(path) as connection:
        connection.execute("drop table fax_phaxio.sync_runs cascade")
    served.fake.settle_one(served.fake.open_ids()[0])

    assert sync().exit_code == 0
    assert query("select exit_code, rows_changed from fax_phaxio.sync_runs") == [(0, 1)]
