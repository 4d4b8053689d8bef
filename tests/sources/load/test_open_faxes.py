"""Faxes that stay open: asked for by their ids less and less often, each in its turn, until they are final."""

import threading
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

import sources
from sources.extract.source import Source
from sources.fakes.server import Answer, Request
from sources.load.open_fax_schedule import due
from sources.load.open_faxes import due_now
from sources.load.run import Run
from sources.load.run_request import Horizon, RunRequest
from sources.load.stored import OpenFax
from sources.phaxio import api
from sources.window import Window
from tests.conftest import Served, ServeFake, Settings, generated
from tests.support.commands.in_process import Time, run_once
from tests.support.faults.inject import broken, dated
from tests.support.tiers import first_quick
from tests.support.warehouse.oracle import assert_holds
from tests.support.warehouse.rows import content

every_provider = pytest.mark.parametrize("provider", sources.providers())
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
STEP = timedelta(minutes=5)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


def stuck(provider: str, count: int, days: float = 10) -> list[dict[str, Any]]:
    """So many faxes, created about so many days ago, that are not final."""
    faxes = generated(provider, count, days=days)
    return [fax | {"status": "queued"} for fax in faxes]


def asked_by_id(served: Served) -> list[str]:
    """The ids that were asked for one by one, in order."""
    paths = [request.path.rpartition("/") for request in served.server.requests]
    return [id for folder, _, id in paths if folder.endswith(("/faxes", "/fax/logs"))]


def runs(served: Served, settings: Settings, ahead: timedelta, **options: Any) -> Run:
    """A run at that time from now, by both clocks."""
    with broken(served, dated(ahead)):
        return run_once(served.provider, settings, Time(ahead), **options)


@pytest.mark.parametrize("provider", first_quick(sources.providers()))
def test_a_run_between_heartbeats_asks_for_none_and_writes_nothing(
    provider: str, serve_fake: ServeFake, settings: Settings, warehouse: Any
) -> None:
    served = serve_fake(provider, stuck(provider, 30))
    runs(served, settings, timedelta())
    runs(served, settings, 5 * DAY)
    before = content(warehouse, provider)
    served.server.requests.clear()
    runs(served, settings, 5 * DAY + 11 * STEP)

    assert (asked_by_id(served), content(warehouse, provider) == before) == ([], True)


@pytest.mark.parametrize("provider", first_quick(sources.providers()))
def test_a_fax_that_ends_is_seen_within_a_day_and_a_heartbeat(
    provider: str, serve_fake: ServeFake, settings: Settings, warehouse: Any
) -> None:
    served = serve_fake(provider, stuck(provider, 12))
    runs(served, settings, timedelta())
    runs(served, settings, 5 * DAY)
    for id in served.fake.open_ids():
        served.fake.settle_one(id)
    for hours in (8, 16, 24):
        runs(served, settings, 5 * DAY + hours * HOUR)

    assert_holds(warehouse, provider, served.fake.truth())


@pytest.mark.slow
def test_without_a_look_back_a_young_fax_is_asked_for_after_minutes(
    serve_fake: ServeFake, settings: Settings, warehouse: Any
) -> None:
    horizon = Horizon(api.EARLIEST, timedelta(), timedelta(days=30), 100)
    served = serve_fake("phaxio", stuck("phaxio", 5, days=0.0005))
    runs(served, settings, timedelta(), horizon=horizon)
    served.server.requests.clear()
    asked = []
    for minutes in (4, 7, 9, 17, 40, 63):
        runs(served, settings, timedelta(minutes=minutes), horizon=horizon)
        asked.append(len(asked_by_id(served)))
        served.server.requests.clear()

    assert asked == [0, 5, 0, 5, 0, 5]


def test_they_are_asked_for_on_several_connections(serve_fake: ServeFake, settings: Settings) -> None:
    served = serve_fake("phaxio", stuck("phaxio", 8))
    runs(served, settings, timedelta())
    meeting, honest = threading.Barrier(4), served.server.answer

    def meet(request: Request) -> Answer:
        if request.path.rpartition("/")[0].endswith("/faxes"):
            meeting.wait(10)
        return replace(honest(request), delay_seconds=0.03)

    served.server.answer = meet
    runs(served, settings, 5 * DAY)

    assert len(asked_by_id(served)) == 8


def faxes(count: int, created_at: datetime) -> list[OpenFax]:
    return [OpenFax(number, f"mark {number}", created_at) for number in range(count)]


@dataclass
class Stored:
    """An account of open faxes."""

    faxes: list[OpenFax]

    def open_faxes(self, *_: Any) -> list[OpenFax]:
        return self.faxes

    def problem_ids(self) -> list[str]:
        return []


def test_a_day_of_runs_over_stuck_faxes_costs_few_requests_and_each_is_asked_for() -> None:
    stored, horizon = Stored(faxes(100, NOW - 10 * DAY)), Horizon(NOW - 30 * DAY, 3 * DAY, 30 * DAY, 100)
    asked, asked_until = list[int](), NOW
    for number in range(1, 289):
        now = NOW + number * STEP
        request, spans = RunRequest("run", horizon), [Window(now - 3 * DAY, now)]
        run = Run(request, Source("phaxio"), None, stored, now, spans=spans)  # type: ignore[arg-type]
        if turn := due_now(run, asked_until, writes=number % 12 == 0):
            asked_until = turn.asked_until
            asked += [due.fax.id for due in turn.faxes]

    assert (set(asked), len(asked) < 1_500) == (set(range(100)), True)


@pytest.mark.parametrize("calls", [7, 40, 1000])
@pytest.mark.parametrize("step", [STEP, HOUR, DAY], ids=str)
def test_more_faxes_than_a_run_may_ask_for_all_have_their_turn(calls: int, step: timedelta) -> None:
    held, asked_until, now = faxes(150, NOW - 5 * DAY), NOW - DAY, NOW
    turns = dict.fromkeys((fax.id for fax in held), 0)
    for _ in range(200):
        now += step
        asked = due(held, asked_until, now)
        asked_until = asked[calls - 1].at if len(asked) > calls else now
        for turn in asked[:calls]:
            turns[turn.fax.id] += 1

    assert max(turns.values()) - min(turns.values()) <= 2
    assert min(turns.values()) >= min(200 * step // DAY, 200 * calls // len(held)) - 2


def test_a_fax_is_asked_for_after_minutes_then_hours_then_daily() -> None:
    (fax,) = faxes(1, NOW)
    asked_until, ages = NOW, list[timedelta]()
    for minutes in range(0, 4 * 24 * 60, 5):
        now = NOW + timedelta(minutes=minutes)
        ages += [turn.at - NOW for turn in due([fax], asked_until, now)]
        asked_until = now

    steps = [timedelta(minutes=5), timedelta(minutes=15), HOUR, 4 * HOUR]
    assert all(step <= age <= step + timedelta(minutes=1) for step, age in zip(steps, ages[:4], strict=True))
    assert ages[4] - ages[3] <= DAY
    assert {later - age for age, later in pairwise(ages[4:])} == {DAY}


def test_after_a_long_silence_each_is_asked_for_once() -> None:
    held = faxes(200, NOW - 20 * DAY)

    assert sorted(turn.fax.id for turn in due(held, NOW - 15 * DAY, NOW)) == list(range(200))
