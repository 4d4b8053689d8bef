"""Bounds that a provider ignores: the warehouse holds every fax all the same, or the run ends with 65."""

from collections import Counter
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import sources
import sources.extract.seen_ids
from tests.conftest import Query, ServeFake, Sync, generated
from tests.support.tiers import in_turns, quick_ones
from tests.support.warehouse.oracle import assert_holds

every_provider = pytest.mark.parametrize("provider", sources.providers())
IGNORED = ("ignored", "ignored unless a bare date", "created_after ignored", "created_before ignored")
EVERY_IGNORED = [
    (provider, reading)
    for provider in sources.providers()
    for reading in import_module(f"sources.{provider}.fake").SWITCHES["filter"]
    if "ignored" in reading
]
ORDERS = ("newest_first", "oldest_first")


def history(provider: str, count: int, days: float = 700) -> list[dict[str, Any]]:
    return generated(provider, count, days=days, seed=3)


@pytest.mark.slow
@pytest.mark.parametrize(("provider", "reading"), quick_ones(EVERY_IGNORED, [("sinch", "ignored")]))
def test_a_long_history_is_complete_with_every_filter(
    provider: str, reading: str, serve_fake: ServeFake, sync: Sync, warehouse: Path
) -> None:
    served = serve_fake(provider, history(provider, 1_500), filter=reading, page_cap="200")

    assert sync().exit_code == 0
    assert_holds(warehouse, provider, served.fake.truth())
    assert len(served.server.requests) <= 120


@pytest.mark.parametrize(("order", "reading"), in_turns([*IGNORED, "empty unless a bare date"], ORDERS))
@pytest.mark.slow
def test_fifteen_thousand_faxes_are_complete_with_every_filter(
    reading: str, order: str, serve_fake: ServeFake, sync: Sync, warehouse: Path
) -> None:
    served = serve_fake("signalwire", history("signalwire", 15_000), filter=reading, order=order)

    assert sync().exit_code == 0
    assert_holds(warehouse, "signalwire", served.fake.truth())
    assert len(served.server.requests) <= 200


@pytest.mark.parametrize("reading", IGNORED)
@pytest.mark.parametrize(("order", "days"), [*zip(ORDERS, [700, 0.1], strict=True)])
@pytest.mark.slow
def test_more_faxes_than_the_provider_counts_with_an_ignored_filter_end_the_run(
    reading: str, order: str, days: float, serve_fake: ServeFake, sync: Sync
) -> None:
    served = serve_fake("phaxio", history("phaxio", 15_000, days), filter=reading, order=order)
    synced = sync()

    assert synced.exit_code == 65
    assert len(served.server.requests) <= 300


def test_once_bare_dates_work_they_are_used_for_the_rest_of_the_run(serve_fake: ServeFake, sync: Sync) -> None:
    served = serve_fake("signalwire", history("signalwire", 300), filter="ignored unless a bare date")
    synced = sync()
    asked = [request.query["created_after"] for request in served.server.requests if "page_token" not in request.query]

    assert Counter(len(bound) == len("2026-11-25") for bound in asked)[False] <= 2
    assert synced.told.count("bare dates are used") == 1


@pytest.mark.slow
@pytest.mark.parametrize("provider", quick_ones(sources.providers(), ["signalwire"]))
def test_with_ignored_bounds_the_whole_list_is_read_once(
    provider: str, serve_fake: ServeFake, sync: Sync, query: Query
) -> None:
    served = serve_fake(provider, history(provider, 900), filter="ignored", page_cap="200")
    sync("--since", "2020-01-01")

    pages = Counter(str(sorted(request.query.items())) for request in served.server.requests)
    assert sum(pages.values()) <= 20
    kept_from = "(select min(created_at) from fax.faxes)"
    proven = f"proof in ('walked', 'counted') or proof = 'gap' and to_at <= {kept_from}"
    assert query(f"select count(*) from fax.sync_windows where not ({proven})") == [(0,)]


@pytest.mark.slow
def test_more_faxes_than_fit_in_memory_are_read_in_pieces(
    serve_fake: ServeFake, sync: Sync, warehouse: Path, monkeypatch: pytest.MonkeyPatch, query: Query
) -> None:
    monkeypatch.setattr(sources.extract.seen_ids, "MAX_ROWS", 400)
    served = serve_fake("signalwire", history("signalwire", 1_500), filter="ignored", page_cap="200")

    assert sync().exit_code == 0
    assert_holds(warehouse, "signalwire", served.fake.truth())
    assert max(taken for (taken,) in query("select rows_taken from fax.sync_windows")) <= 400


@pytest.mark.slow
def test_one_misfiled_record_is_no_ignored_filter(serve_fake: ServeFake, sync: Sync) -> None:
    served = serve_fake("signalwire", history("signalwire", 300))
    honest = served.fake.store._show
    misfiled = list(served.fake.records)[150]
    served.fake.store._show = lambda log: (
        honest(log) | ({"created_at": "2019-02-03T04:05:06Z"} if log["id"] == misfiled else {})
    )
    synced = sync()

    assert "ignores" not in synced.told
    assert synced.exit_code == 0
