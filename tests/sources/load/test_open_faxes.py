"""Re-reads of open faxes: by id, at growing intervals, each fax in its turn, until it is final."""

import math
import threading
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

import sources
from sources.extract.source import Source
from sources.fakes.server import Answer, Request, json_answer
from sources.load.open_fax_schedule import due
from sources.load.open_faxes import due_rereads
from sources.load.run import Run
from sources.load.run_request import Horizon, RunRequest
from sources.load.stored import OpenFax
from sources.phaxio import api
from sources.window import Window
from tests.conftest import Served, ServeFake, Settings, generated
from tests.support.commands.in_process import Time, run_once
from tests.support.faults.inject import UNAVAILABLE, broken, dated
from tests.support.tiers import first_quick, in_turns, quick_ones
from tests.support.warehouse.oracle import assert_holds
from tests.support.warehouse.rows import content

every_provider = pytest.mark.parametrize("provider", sources.providers())
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
STEP = timedelta(minutes=5)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


def stuck(provider: str, count: int, days: float = 10) -> list[dict[str, Any]]:
    """`count` open faxes, created within the last `days`."""
    faxes = generated(provider, count, days=days)
    return [fax | {"status": "QUEUED" if provider == "sinch" else "queued"} for fax in faxes]


def reread_ids(served: Served) -> list[str]:
    """The ids that were re-read, in order."""
    paths = [request.path.rpartition("/") for request in served.server.requests]
    return [id for folder, _, id in paths if folder.endswith(("/faxes", "/fax/logs"))]


def run_at(
    served: Served, settings: Settings, ahead: timedelta, horizon: Horizon | None = None, deadline: float = math.inf
) -> Run:
    """A run at the time `ahead` from now, by both clocks."""
    with broken(served, dated(ahead)):
        return run_once(served.provider, settings, Time(ahead), horizon=horizon, deadline=deadline)


@pytest.mark.slow
@pytest.mark.parametrize("provider", first_quick(sources.providers()))
def test_a_run_between_heartbeats_re_reads_no_fax_and_writes_nothing(
    provider: str, serve_fake: ServeFake, settings: Settings, warehouse: Any
) -> None:
    served = serve_fake(provider, stuck(provider, 30))
    run_at(served, settings, timedelta())
    run_at(served, settings, 5 * DAY)
    before = content(warehouse, provider)
    served.server.requests.clear()
    run_at(served, settings, 5 * DAY + 11 * STEP)

    assert (reread_ids(served), content(warehouse, provider) == before) == ([], True)


@pytest.mark.slow
@pytest.mark.parametrize("provider", sources.providers())
def test_a_fax_that_becomes_final_is_updated_within_a_day_and_a_heartbeat(
    provider: str, serve_fake: ServeFake, settings: Settings, warehouse: Any
) -> None:
    served = serve_fake(provider, stuck(provider, 12))
    run_at(served, settings, timedelta())
    run_at(served, settings, 5 * DAY)
    for id in served.fake.open_ids():
        served.fake.settle_one(id)
    for hours in (8, 16, 24):
        run_at(served, settings, 5 * DAY + hours * HOUR)

    assert_holds(warehouse, provider, served.fake.truth())


@pytest.mark.slow
def test_without_a_look_back_a_young_fax_is_re_read_after_minutes(
    serve_fake: ServeFake, settings: Settings, warehouse: Any
) -> None:
    horizon = Horizon(api.EARLIEST, timedelta(), timedelta(days=30), 100)
    served = serve_fake("phaxio", stuck("phaxio", 5, days=0.0005))
    run_at(served, settings, timedelta(), horizon=horizon)
    served.server.requests.clear()
    reread = []
    for minutes in (4, 7, 9, 17, 40, 63):
        run_at(served, settings, timedelta(minutes=minutes), horizon=horizon)
        reread.append(len(reread_ids(served)))
        served.server.requests.clear()

    assert reread == [0, 5, 0, 5, 0, 5]


@pytest.mark.slow
def test_re_reads_use_several_connections(serve_fake: ServeFake, settings: Settings) -> None:
    served = serve_fake("phaxio", stuck("phaxio", 8))
    run_at(served, settings, timedelta())
    four, honest = threading.Barrier(4), served.server.answer

    def wait_for_four(request: Request) -> Answer:
        if request.path.rpartition("/")[0].endswith("/faxes"):
            four.wait(10)
        return replace(honest(request), delay_seconds=0.03)

    served.server.answer = wait_for_four
    run_at(served, settings, 5 * DAY)

    assert len(reread_ids(served)) == 8


NOT_GIVEN = {
    "refused": json_answer({"success": False, "message": "not this one"}, 422),
    "failing": Answer(500, b"<html>"),
    "no fax": json_answer([]),
    "not JSON": Answer(200, b"<html>"),
    "forbidden": json_answer({}, 403),
}


@pytest.mark.slow
@pytest.mark.parametrize(("provider", "name"), in_turns(NOT_GIVEN, sources.providers()))
def test_an_open_fax_that_the_provider_does_not_give_is_told_and_holds_nothing_up(
    provider: str, name: str, serve_fake: ServeFake, settings: Settings, warehouse: Any
) -> None:
    served = serve_fake(provider, stuck(provider, 6))
    run_at(served, settings, timedelta())
    broken_id, *others = served.fake.open_ids()
    for id in others:
        served.fake.settle_one(id)
    honest = served.server.answer

    def without_one(request: Request) -> Answer:
        return NOT_GIVEN[name] if request.path.endswith(f"/{broken_id}") else honest(request)

    served.server.answer = without_one
    run = run_at(served, settings, 5 * DAY)

    assert [str(broken_id) in warning for warning in run.warnings if "re-read" in warning] == [True]
    assert_holds(warehouse, provider, served.fake.truth())
    served.fake.settle_one(broken_id)
    served.server.answer = honest
    assert not run_at(served, settings, 6 * DAY + 2 * HOUR).warnings
    assert_holds(warehouse, provider, served.fake.truth())


@pytest.mark.slow
def test_an_old_version_of_another_fax_in_place_of_an_open_one_is_told_and_not_loaded(
    serve_fake: ServeFake, settings: Settings, warehouse: Any
) -> None:
    served = serve_fake("phaxio", stuck("phaxio", 2))
    run_at(served, settings, timedelta())
    wanted, other = served.fake.open_ids()
    honest = served.server.answer

    def mixed_up(request: Request) -> Answer:
        if not request.path.endswith(f"/{wanted}"):
            return honest(request)
        answer = honest(replace(request, path=f"/v2/faxes/{other}"))
        return replace(answer, body=answer.body.replace(b'"queued"', b'"inprogress"'))

    served.server.answer = mixed_up
    run = run_at(served, settings, 5 * DAY)

    assert [f"open fax {wanted} could not be re-read" in warning for warning in run.warnings] == [True]
    assert_holds(warehouse, "phaxio", served.fake.truth())


@pytest.mark.slow
def test_a_provider_that_is_down_for_re_reads_gets_few_of_them_and_the_others_have_their_turn(
    serve_fake: ServeFake, settings: Settings, warehouse: Any
) -> None:
    served = serve_fake("phaxio", stuck("phaxio", 30))
    run_at(served, settings, timedelta())
    for id in served.fake.open_ids():
        served.fake.settle_one(id)
    served.server.requests.clear()
    honest = served.server.answer
    served.server.answer = lambda request: UNAVAILABLE if request.path.startswith("/v2/faxes/") else honest(request)
    run_at(served, settings, 5 * DAY)
    asked = {*reread_ids(served)}
    served.server.answer = honest
    run_at(served, settings, 5 * DAY + 2 * HOUR)
    run_at(served, settings, 6 * DAY + 4 * HOUR)

    assert 3 <= len(asked) <= 7
    assert_holds(warehouse, "phaxio", served.fake.truth())


@pytest.mark.slow
def test_a_re_read_that_fails_for_lack_of_time_is_made_by_the_next_run(
    serve_fake: ServeFake, settings: Settings, warehouse: Any
) -> None:
    served = serve_fake("phaxio", stuck("phaxio", 1))
    run_at(served, settings, timedelta())
    (id,) = served.fake.open_ids()
    served.fake.settle_one(id)
    honest = served.server.answer
    served.server.answer = lambda request: UNAVAILABLE if request.path.startswith("/v2/faxes/") else honest(request)
    warnings = run_at(served, settings, 5 * DAY, deadline=0.0).warnings
    served.server.answer = honest
    run_at(served, settings, 5 * DAY + 2 * HOUR)

    assert warnings == []
    assert_holds(warehouse, "phaxio", served.fake.truth())


def faxes(count: int, created_at: datetime) -> list[OpenFax]:
    return [OpenFax(number, f"fingerprint {number}", created_at) for number in range(count)]


@dataclass
class Stored:
    """What the warehouse holds of an account: open faxes, no problem."""

    faxes: list[OpenFax]

    def open_faxes(self, *_: Any) -> list[OpenFax]:
        return self.faxes

    def problem_ids(self) -> list[str]:
        return []


def test_a_day_of_runs_re_reads_every_stuck_fax_with_few_requests() -> None:
    stored, horizon = Stored(faxes(100, NOW - 10 * DAY)), Horizon(NOW - 30 * DAY, 3 * DAY, 30 * DAY, 100)
    reread, reread_until = list[int](), NOW
    for number in range(1, 289):
        now = NOW + number * STEP
        request, spans = RunRequest("run", horizon), [Window(now - 3 * DAY, now)]
        run = Run(request, Source("phaxio"), None, stored, now, spans=spans)  # type: ignore[arg-type]  # it asks no provider
        if turn := due_rereads(run, reread_until, writes=number % 12 == 0):
            reread_until = turn.reread_until
            reread += [due.fax.id for due in turn.faxes]

    assert (set(reread), len(reread) < 1_500) == (set(range(100)), True)


@pytest.mark.parametrize("calls", quick_ones([7, 40, 1000], [40]))
@pytest.mark.parametrize("step", [STEP, HOUR, DAY], ids=str)
def test_faxes_beyond_the_limit_of_a_run_all_have_their_turn(calls: int, step: timedelta) -> None:
    open_faxes, reread_until, now = faxes(150, NOW - 5 * DAY), NOW - DAY, NOW
    turns = dict.fromkeys((fax.id for fax in open_faxes), 0)
    for _ in range(200):
        now += step
        reread = due(open_faxes, reread_until, now)
        reread_until = reread[calls - 1].at if len(reread) > calls else now
        for turn in reread[:calls]:
            turns[turn.fax.id] += 1

    assert max(turns.values()) - min(turns.values()) <= 2
    assert min(turns.values()) >= min(200 * step // DAY, 200 * calls // len(open_faxes)) - 2


def test_the_intervals_grow_from_minutes_to_hours_to_a_day() -> None:
    (fax,) = faxes(1, NOW)
    reread_until, ages = NOW, list[timedelta]()
    for minutes in range(0, 4 * 24 * 60, 5):
        now = NOW + timedelta(minutes=minutes)
        ages += [turn.at - NOW for turn in due([fax], reread_until, now)]
        reread_until = now

    steps = [timedelta(minutes=5), timedelta(minutes=15), HOUR, 4 * HOUR]
    assert all(step <= age <= step + timedelta(minutes=1) for step, age in zip(steps, ages[:4], strict=True))
    assert ages[4] - ages[3] <= DAY
    assert {later - age for age, later in pairwise(ages[4:])} == {DAY}


def test_after_a_long_pause_each_fax_is_re_read_once() -> None:
    open_faxes = faxes(200, NOW - 20 * DAY)

    assert sorted(turn.fax.id for turn in due(open_faxes, NOW - 15 * DAY, NOW)) == list(range(200))
