"""Paging that loops, shifts, lies or expires: the walk ends, and every fax that was there all the time is held."""

import json
from dataclasses import replace
from random import Random
from threading import Event
from typing import Any

import pytest

import sources
from sources.fakes.server import Answer, Request, json_answer
from sources.http import usage
from tests.faults.conftest import StartTrial, Trial, more
from tests.support.commands.in_process import run_once
from tests.support.faults.inject import Fault, Honest, Page, bent, between_pages, broken
from tests.support.faults.wire import changed, error_message
from tests.support.warehouse.rows import rows

every_provider = pytest.mark.parametrize("provider", sources.providers())
MAX_REQUESTS = 110  # of a walk that goes nowhere
PLACE = ("page", "page_number", "page_token")
EXPIRED = json_answer({"errors": [{"code": "page_token_is_invalid", "message": "expired"}]}, 422)


def first_page(request: Request, honest: Honest) -> Answer:
    """Always the first page, whatever place is asked for."""
    return honest(replace(request, query={name: text for name, text in request.query.items() if name not in PLACE}))


def onward(request: Request, honest: Honest) -> Answer:
    """No record on any page, and always one more to come."""

    def empty(page: Page) -> Page:
        if "links" in page:
            page["links"]["next"] = f"/api/fax/logs?page_number=1&page_token=PA{request.number}"
        else:
            page["paging"] = {"total": "many", "per_page": 0, "page": 1}
        return page | {"data": []}

    return changed(honest(request), empty)


def circling(request: Request, honest: Honest) -> Answer:
    """Two pages that lead to each other."""
    page = json.loads(first_page(request, honest).body)
    if "links" in page:
        page["links"]["next"] = (
            f"/api/fax/logs?page_number=1&circle={'b' if 'a' in request.query.get('circle', '') else 'a'}"
        )
    return json_answer(page)


@every_provider
@pytest.mark.parametrize("fault", [first_page, onward, circling])
def test_pages_that_lead_nowhere_end_the_walk_and_change_nothing(
    provider: str, fault: Fault, trial: StartTrial
) -> None:
    if (provider, fault) in (("phaxio", onward), ("sinch", onward)):
        pytest.skip("an empty page ends a walk by numbers")
    started = trial(provider, page_cap="200", new=430)
    started.fails(65, fault)

    assert len(started.served.server.requests) <= MAX_REQUESTS
    started.recovers()


def sized(size: Any) -> Fault:
    return bent(lambda page: page | {"paging": {**page["paging"], "per_page": size}})


def test_a_page_size_that_is_no_size_ends_the_walk(trial: StartTrial) -> None:
    started = trial("phaxio")
    for size in (0, -1, "1000", None, True, 10**30):
        with broken(started.served, sized(size)):
            synced = started.sync()

        assert (synced.exit_code in (0, 65), "Traceback" in synced.told) == (True, False), size
    assert len(started.served.server.requests) <= 6 * MAX_REQUESTS
    started.recovers()


def expiring(times: int) -> Fault:
    """The token of every page after the first has expired, so many times."""
    left = [times]

    def fault(request: Request, honest: Honest) -> Answer:
        if left[0] and ("page_token" in request.query or request.query.get("page", "1") != "1"):
            left[0] -= 1
            return EXPIRED
        return honest(request)

    return fault


def test_a_token_that_expired_has_the_window_walked_again(trial: StartTrial) -> None:
    started = trial("signalwire", page_cap="200", new=430)
    started.survives(expiring(1))


def test_tokens_that_always_expire_have_the_windows_read_in_shorter_ones(trial: StartTrial) -> None:
    started = trial("signalwire", page_cap="200", new=430)
    with broken(started.served, expiring(1_000)):
        started.recovers()

    assert len(started.served.server.requests) <= MAX_REQUESTS


@every_provider
def test_faxes_that_arrive_while_paging_are_held_at_the_latest_by_the_next_run(
    provider: str, trial: StartTrial
) -> None:
    started = trial(provider, page_cap="200", new=430)
    held = {fax["id"] for fax in started.served.fake.truth()}

    def arrive(number: int) -> None:
        if number < 6:
            started.served.fake.add(*more(provider, 3, days=0.4, seed=20 + number))

    with broken(started.served, between_pages(arrive)):
        run_once(provider, started.settings)
    missing = held - ids(started)
    started.recovers()

    assert set() == missing


def test_faxes_deleted_while_paging_hide_no_other(trial: StartTrial) -> None:
    started = trial("phaxio", page_cap="200", new=430)
    gone: dict[str, Any] = {}

    def delete(number: int) -> None:
        if number == 1:
            for id in started.newest(5):
                gone.update({fax["id"]: fax for fax in started.served.fake.truth() if fax["id"] == str(id)})
                started.served.fake.delete(id)

    with broken(started.served, between_pages(delete)):
        run_once("phaxio", started.settings)
    seen = [gone[id] for id in gone.keys() & ids(started)]
    started.holds([*started.served.fake.truth(), *seen])


@pytest.mark.parametrize("count", [1, 200])
def test_faxes_that_arrive_while_whole_pages_are_read_have_the_window_walked_again(
    count: int, trial: StartTrial, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(usage, "QUICK_SECONDS", 60)  # the provider counts as quick, however busy the machine is
    started = trial("phaxio", page_cap="200", new=340)
    started.place.empty()
    assert len(started.served.fake.records) == 400

    def arrive(number: int) -> None:
        if number == 2:
            started.served.fake.add(*more("phaxio", count, days=0.01, seed=40))

    run = started.survives(between_pages(arrive))

    assert [walked.proof for walked in run.tally.windows] == ["counted"]


def test_a_fax_that_arrives_between_pages_fetched_side_by_side_has_the_window_walked_again(
    trial: StartTrial, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(usage, "QUICK_SECONDS", -1)  # the provider counts as slow: several requests at a time
    started = trial("phaxio", page_cap="200", new=440)
    started.place.empty()
    third_is_read, asked = Event(), list[str]()

    def second_after_third(request: Request, honest: Honest) -> Answer:
        asked.append(request.query["page"])
        if request.query["page"] == "2":
            third_is_read.wait(5)
            return honest(request)
        told = honest(request)
        if request.query["page"] == "3" and not third_is_read.is_set():
            started.served.fake.add(*more("phaxio", 1, days=0.01, seed=40))
            third_is_read.set()
        return told

    run = started.survives(second_after_third)

    assert [walked.proof for walked in run.tally.windows] == ["counted"]
    assert sorted(asked) == ["1", "1", "2", "2", "3", "3"]


@every_provider
def test_faxes_that_change_while_paging_are_held_as_they_are_in_the_end(provider: str, trial: StartTrial) -> None:
    started = trial(provider, page_cap="200", new=430)

    def change(number: int) -> None:
        for id in started.newest(300)[::40]:
            started.served.fake.change(id, error_message=f"after page {number}")

    with broken(started.served, between_pages(change)):
        run_once(provider, started.settings)
    started.recovers()


@every_provider
def test_of_two_readings_of_a_fax_the_later_is_held(provider: str, trial: StartTrial) -> None:
    started = trial(provider, page_cap="200", new=430)
    (newest,) = started.newest()
    final = started.served.fake.records[newest]

    def readings(number: int, page: Page) -> Page:
        if not all("id" in fax for fax in page["data"]):
            return page  # of a further list
        other = error_message(provider, "earlier")
        earlier = [fax | other if fax["id"] == newest else fax for fax in page["data"]]
        return page | {"data": earlier if number == 1 else [*page["data"], final]}

    numbers = iter(range(1, 100))
    started.survives(bent(lambda page: readings(next(numbers), page)))


def shuffled(page: dict[str, Any]) -> dict[str, Any]:
    return page | {"data": Random(len(page["data"])).sample(page["data"], len(page["data"]))}


@every_provider
def test_faxes_in_no_order_are_all_held(provider: str, trial: StartTrial) -> None:
    trial(provider, page_cap="200", new=430).survives(bent(shuffled))


def ids(started: Trial) -> set[str]:
    return {id for (id,) in rows(started.place, "select id from fax.faxes where provider = ?", started.provider)}
