"""A provider's count that is wrong, moves or is no number: what came is held, and complete is only what was counted."""

import importlib
from typing import Any

import pytest

from sources.http import usage
from tests.faults.conftest import StartTrial, more
from tests.support.faults.inject import UNAVAILABLE, Fault, Page, bent, broken, from_page
from tests.support.warehouse.rows import rows


def total(change: Any) -> Fault:
    """Pages whose total has been changed; the function is told the true one."""
    return bent(lambda page: page | {"paging": {**page["paging"], "total": change(page["paging"]["total"])}})


def short(page: Page) -> Page:
    return page | {"data": page["data"][:-1]}


NO_COUNT = {"text": str, "null": lambda count: None, "a list": lambda count: [count], "a float": float, "true": bool}
WRONG = {
    "one too many": lambda count: count + 1,
    "one too few": lambda count: count - 1,
    "negative": lambda count: -count,
    "zero": lambda count: 0,
}


def test_a_total_that_is_no_number_is_as_none(trial: StartTrial) -> None:
    started = trial("phaxio", page_cap="200", new=230)
    for change in NO_COUNT.values():
        started.survives(total(change))


def claimed(**claims: Any) -> Fault:
    """Pages that claim this of the list and of their size; None of a claim leaves it out."""

    def change(page: Page) -> Page:
        head = page.get("paging", page)
        for name, claim in claims.items():
            for known in {name} & head.keys():
                head[known] = claim(head[known]) if callable(claim) else claim
        return page

    return bent(change)


@pytest.mark.parametrize("provider", ["phaxio", "sinch"])
def test_pages_are_read_to_the_end_whatever_they_claim_of_their_size(provider: str, trial: StartTrial) -> None:
    started = trial(provider, page_cap="200", new=430)
    for total in (int, str, NO_COUNT["null"]):
        for size in (1000, "200", None):
            started.place.empty()
            claims = {"total": total, "totalItems": total, "totalPages": None, "per_page": size, "pageSize": size}
            with broken(started.served, claimed(**claims)):
                synced = started.sync()

            assert synced.exit_code == 0, synced.told
            started.holds(started.served.fake.truth())


@pytest.mark.parametrize(("provider", "limit"), [("phaxio", "COUNTED"), ("sinch", "MAX_RECORDS")])
def test_more_than_a_provider_lists_is_split_also_without_a_count(
    provider: str, limit: str, trial: StartTrial, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = importlib.import_module(f"sources.{provider}.api")
    monkeypatch.setattr(api, limit, 400)
    started = trial(provider, page_cap="200", new=1500)
    started.place.empty()
    started.survives(claimed(total=None, totalItems=None, totalPages=None))


def test_a_wrong_total_loads_what_came_and_says_that_it_is_not_proven(trial: StartTrial) -> None:
    started = trial("phaxio", page_cap="200", new=230)
    truth = {fax["id"] for fax in started.served.fake.truth()}
    for name, change in WRONG.items():
        with broken(started.served, total(change)):
            synced = started.sync()

        assert (synced.exit_code, "could not be proven" in synced.told) == (65, True), name
        assert truth == {id for (id,) in rows(started.place, "select id from fax.faxes")}, name
    assert len(started.served.server.requests) <= 6 * 2 * len(WRONG)
    started.recovers()


def test_a_page_short_in_the_middle_once_is_walked_again(trial: StartTrial) -> None:
    trial("phaxio", page_cap="200", new=430).survives(bent(short, lambda number: number == 2))


def test_a_page_short_in_the_middle_always_is_never_called_complete(trial: StartTrial) -> None:
    started = trial("phaxio", page_cap="200", new=430)
    with broken(started.served, bent(short)):
        synced = started.sync()

    assert synced.exit_code == 65
    started.recovers()


def test_a_short_page_with_a_link_is_not_the_last(trial: StartTrial) -> None:
    started = trial("signalwire", page_cap="200", new=430)
    lost: list[Any] = []

    def later(page: Page) -> Page:
        # The record that a page lacks comes on the next one.
        if "links" not in page:
            return page  # of the further list
        records, lost[:] = [*lost, *page["data"]], []
        if page["links"].get("next"):
            lost.append(records.pop())
        return page | {"data": records}

    started.survives(bent(later))


def test_a_count_that_moves_while_paging_is_walked_again(trial: StartTrial) -> None:
    started = trial("phaxio", page_cap="200", new=430)
    moving = bent(lambda page: page | {"paging": {**page["paging"], "total": 7}}, lambda number: number == 2)
    run = started.survives(moving)

    assert {"counted"} == {walked.proof for walked in run.tally.windows}


def test_requests_and_retries_are_those_of_each_window(trial: StartTrial, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage, "QUICK_SECONDS", -1)  # several windows at a time
    started = trial("signalwire")
    started.served.fake.add(*more("signalwire", 200, days=900, seed=91))
    started.place.empty()
    run = started.survives(from_page(9, UNAVAILABLE, times=1))

    told = rows(started.place, "select requests, retries from fax.sync_windows")
    lists = [request for request in started.served.server.requests if request.path.endswith(("/logs", "/Faxes"))]
    assert (sum(requests for requests, _ in told), len(told) > 20) == (len(lists), True)
    assert sorted(told)[-1] == (2, 1)
    assert {(1, 0), (2, 1)} == {*told} - {(2, 0)}  # the first is empty, and asked for otherwise
    assert (run.client.usage.retries, run.client.usage.requests) == (1, len(started.served.server.requests))


def test_a_window_of_the_past_that_was_not_proven_is_read_again(trial: StartTrial) -> None:
    started = trial("phaxio", page_cap="200")
    started.served.fake.add(*more("phaxio", 500, days=90, seed=90))
    started.place.empty()
    with broken(started.served, bent(short)):
        synced = started.sync()

    assert (synced.exit_code, "the next runs read the window again" in synced.told) == (65, True)
    started.recovers()
