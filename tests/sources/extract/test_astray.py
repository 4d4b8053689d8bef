"""Responses that lead elsewhere or nowhere: redirects, links to other hosts, pages that repeat, endless pagination."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import sources
from sources.fakes.server import Answer, Request, json_answer
from sources.signalwire.fake import generate
from tests.conftest import Query, ServeFake, Settings, Sync, generated
from tests.support.faults.bending import bend, rows_held
from tests.support.tiers import first_quick, in_turns
from tests.support.warehouse.oracle import assert_holds

every_provider = pytest.mark.parametrize("provider", sources.providers())


@pytest.mark.parametrize(("provider", "status"), in_turns([301, 302, 307, 308], sources.providers()))
def test_a_redirect_is_never_followed(
    provider: str, status: int, serve_fake: ServeFake, sync: Sync, settings: Settings
) -> None:
    elsewhere = serve_fake(provider, generated(provider, 5))
    served = serve_fake(provider, generated(provider, 5))
    served.server.answer = lambda request: Answer(status, headers={"Location": elsewhere.server.url + request.path})
    synced = sync()

    assert (synced.exit_code, len(served.server.requests), len(elsewhere.server.requests)) == (65, 1, 0)


def test_a_next_link_to_another_host_is_never_followed(serve_fake: ServeFake, sync: Sync, query: Query) -> None:
    elsewhere = serve_fake("signalwire", generated("signalwire", 5))
    served = serve_fake("signalwire", generated("signalwire", 5))
    bend(served, lambda page: {**page, "links": {"next": elsewhere.server.url + "/api/fax/logs?page_number=1"}})
    synced = sync()

    assert (synced.exit_code, len(served.server.requests), len(elsewhere.server.requests)) == (65, 1, 0)
    assert rows_held(query, "signalwire") == 0


def test_a_window_whose_next_links_are_all_refused_is_read_in_shorter_ones(
    serve_fake: ServeFake, sync: Sync, warehouse: Path
) -> None:
    served = serve_fake("signalwire", generated("signalwire", 300, days=9), page_cap="200")
    honest, refusal = served.server.answer, json_answer({"errors": [{"code": "invalid_page_token"}]}, 422)
    served.server.answer = lambda request: refusal if "page_token" in request.query else honest(request)

    assert sync().exit_code == 0
    assert_holds(warehouse, "signalwire", served.fake.truth())


def test_pages_whose_next_links_have_another_name_are_read_in_shorter_windows(
    serve_fake: ServeFake, sync: Sync, warehouse: Path
) -> None:
    served = serve_fake("signalwire", generated("signalwire", 1_300, days=9))
    bend(served, lambda page: {**page, "links": {"Next": page["links"].get("next")}})

    assert sync().exit_code == 0
    assert_holds(warehouse, "signalwire", served.fake.truth())


def test_a_full_page_without_a_next_link_is_the_whole_of_a_day_that_cannot_be_split(
    serve_fake: ServeFake, sync: Sync, warehouse: Path, query: Query
) -> None:
    noon = datetime.now(UTC).replace(hour=12) - timedelta(days=10)
    served = serve_fake(
        "signalwire", generate(1_000, start=noon, end=noon + timedelta(hours=1)), read_bounds_as="dates"
    )

    assert sync().exit_code == 0
    assert_holds(warehouse, "signalwire", served.fake.truth())
    assert query("select distinct proof from fax.sync_windows") == [("walked",)]


@pytest.mark.parametrize("provider", first_quick(sources.providers()))
def test_a_repeated_page_ends_the_run(provider: str, serve_fake: ServeFake, sync: Sync, query: Query) -> None:
    served = serve_fake(provider, generated(provider, 450), page_cap="200")
    honest = served.server.answer
    paging = ("page", "page_number", "page_token")

    def first_page(request: Request) -> Answer:
        return honest(
            replace(request, query={name: text for name, text in request.query.items() if name not in paging})
        )

    served.server.answer = first_page
    synced = sync()

    assert (synced.exit_code, rows_held(query, provider) < 450) == (65, True)  # windows of one page may be loaded
    assert len(served.server.requests) <= 60  # three readings of each window that is read at the same time


@pytest.mark.parametrize("data", ["with rows", "empty"])
def test_links_in_a_circle_end_the_run(data: str, serve_fake: ServeFake, sync: Sync, query: Query) -> None:
    served = serve_fake("signalwire", generated("signalwire", 5))

    def circle(page: dict[str, Any]) -> dict[str, Any]:
        here = page["links"]["self"].partition("&circle=")
        there = f"{here[0]}&circle={'b' if here[2] == 'a' else 'a'}"
        return {"links": {"next": there}, "data": page["data"] if data == "with rows" else []}

    bend(served, circle)
    synced = sync()

    assert (synced.exit_code, rows_held(query, "signalwire")) == (65, 0)
    assert len(served.server.requests) <= 200


def test_endless_empty_pages_end_the_run(serve_fake: ServeFake, sync: Sync) -> None:
    served = serve_fake("signalwire")
    served.server.answer = lambda request: json_answer(
        {"links": {"next": f"/api/fax/logs?page_number={request.number + 1}&page_token=PA{request.number}"}, "data": []}
    )
    synced = sync()

    assert (synced.exit_code, len(served.server.requests) <= 200) == (65, True)
