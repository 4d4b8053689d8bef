"""Responses that break the contract: each ends the run with its exit code, and nothing is loaded."""

from pathlib import Path

import pytest

import sources
from sources.fakes.server import Answer, json_answer
from tests.conftest import Query, ServeFake, Sync, generated
from tests.support.faults.bending import Bend, bend, rows_held
from tests.support.tiers import first_quick, in_turns
from tests.support.warehouse.oracle import assert_holds
from tests.support.warehouse.rows import content

every_provider = pytest.mark.parametrize("provider", sources.providers())


NO_PAGES: dict[str, Answer] = {
    "a login page": Answer(200, b"<html>Please log in</html>", {"Content-Type": "text/html"}),
    "no body": Answer(200, b"", {"Content-Type": "application/json"}),
    "204": Answer(204),
    "cut JSON": json_answer(b'{"success":true,"data":[{"id":1,"cos'),
    "UTF-16": json_answer('{"success":true}'.encode("utf-16")),
    "bytes that are no UTF-8": json_answer(b'{"data":"\xff\xfe"}'),
    "a key twice": json_answer(b'{"success":true,"success":true,"links":{},"data":[]}'),
    "brackets without end": json_answer(b"[" * 100_000),
    "400": json_answer({"error": "Bad Request"}, 400),
    "404": json_answer({"error": "Not Found"}, 404),
    "422": json_answer({"success": False, "message": "+12025550177 is wrong"}, 422),
}


@pytest.mark.parametrize(("provider", "name"), first_quick(in_turns(NO_PAGES, sources.providers()), 5))
def test_a_response_that_is_no_page_loads_nothing(
    provider: str, name: str, serve_fake: ServeFake, sync: Sync, query: Query
) -> None:
    served = serve_fake(provider, generated(provider, 5))
    served.server.answer = lambda request: NO_PAGES[name]
    synced = sync()

    assert (synced.exit_code, len(served.server.requests), rows_held(query, provider)) == (65, 1, 0)
    assert "5550177" not in synced.told


SHAPES: dict[str, Bend] = {
    "a list": lambda document: [document],
    "no data": lambda document: {**document, "data": None},
    "data is an object": lambda document: {**document, "data": {"id": 1}},
    "data holds other than objects": lambda document: {**document, "data": [1, 2]},
}
OWN_SHAPES: dict[str, dict[str, Bend]] = {
    "phaxio": {
        "success is false": lambda document: {**document, "success": False},
        "success is text": lambda document: {**document, "success": "true"},
        "success is missing": lambda document: {name: document[name] for name in ("data", "paging")},
        "paging is missing": lambda document: {name: document[name] for name in ("success", "data")},
        "paging is a list": lambda document: {**document, "paging": []},
    },
    "signalwire": {
        "links are missing": lambda document: {"data": document["data"]},
        "links are a list": lambda document: {**document, "links": []},
        "next is a number": lambda document: {**document, "links": {"next": 5}},
    },
}


EVERY_SHAPE = [
    *in_turns(SHAPES, sources.providers()),
    *((provider, name) for provider, own in OWN_SHAPES.items() for name in own),
]


@pytest.mark.parametrize(("provider", "name"), first_quick(EVERY_SHAPE, 5))
def test_a_page_of_the_wrong_shape_loads_nothing_and_is_explained(
    provider: str, name: str, serve_fake: ServeFake, sync: Sync, query: Query
) -> None:
    served = serve_fake(provider, generated(provider, 5))
    bend(served, {**SHAPES, **OWN_SHAPES.get(provider, {})}[name])
    synced = sync()

    assert (synced.exit_code, rows_held(query, provider)) == (65, 0)
    assert ("expected" in synced.told, " got " in synced.told) == (True, True)


@pytest.mark.slow
@pytest.mark.parametrize("provider", sources.providers())
def test_after_a_broken_page_nothing_changes_and_the_next_run_loads_the_rest(
    provider: str, serve_fake: ServeFake, sync: Sync, warehouse: Path
) -> None:
    served = serve_fake(provider, generated(provider, 300, days=2), page_cap="200")
    sync()
    before, honest = content(warehouse, provider), served.server.answer
    served.fake.add(
        *generated(provider, 300, days=2, seed=3, **({"first_id": 900_000_000} if provider == "phaxio" else {}))
    )
    bend(served, lambda page: {**page, "data": None}, after=len(served.server.requests) + 1)

    assert sync().exit_code == 65
    assert before == content(warehouse, provider)

    served.server.answer = honest

    assert sync().exit_code == 0
    assert_holds(warehouse, provider, served.fake.truth())
