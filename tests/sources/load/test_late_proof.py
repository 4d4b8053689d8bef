"""A window that one run could not prove and the next run can: the proof is written, although no fax is new."""

import json
from dataclasses import replace

import pytest

from sources.fakes.server import Answer, Request
from tests.conftest import Query, ServeFake, Sync, generated

LOADS = "select count(*) from fax_phaxio._dlt_loads"


@pytest.mark.slow
def test_a_run_with_nothing_new_writes_the_missing_proof(serve_fake: ServeFake, sync: Sync, query: Query) -> None:
    served = serve_fake("phaxio", generated("phaxio", 40, days=2))
    honest = served.server.answer

    def miscounting(request: Request) -> Answer:
        answer = honest(request)
        page = json.loads(answer.body)
        if "paging" not in page:
            return answer
        page["paging"]["total"] += 1
        return replace(answer, body=json.dumps(page).encode())

    served.server.answer = miscounting
    refused = sync()
    served.server.answer = honest
    proven = sync()
    loads = query(LOADS)
    quiet = sync()

    assert [run.exit_code for run in (refused, proven, quiet)] == [65, 0, 0]
    assert "1 window could not be proven complete" in refused.told
    assert (proven.accounts["phaxio"]["new"], proven.accounts["phaxio"]["changed"]) == (0, 0)
    assert query("select count(*) from fax.sync_windows where proof = 'counted'") > [(0,)]
    assert query(LOADS) == loads  # with the proof written, the run is quiet
