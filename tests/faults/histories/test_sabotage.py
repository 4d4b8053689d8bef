"""The judges judged: with one safeguard taken out of the product, the law that it keeps is seen to be broken."""

import os
import signal
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from threading import Event, Thread
from typing import Any
from urllib.parse import urljoin

import pytest

import sources.load.batches
import sources.load.open_faxes
import sources.phaxio.api
import sources.records.record
from pipelines.outcome.account_ending import Ending
from sources.errors import Busy, ContractError
from sources.extract.bound_forms import BoundForms
from sources.extract.page_order import PageOrder
from sources.extract.seen_ids import SeenIds
from sources.extract.window_result import WindowResult
from sources.fakes.server import Answer, Request, json_answer
from sources.http.client import Client
from sources.load.open_fax_schedule import due
from sources.load.plan import Position
from sources.load.run import Run
from sources.load.run_request import Horizon
from sources.records.record import Placed
from sources.records.schema import Table
from sources.records.tables import to_rows
from sources.signalwire import api as signalwire
from sources.window import DAY, Window, rfc3339, whole_second
from tests.conftest import ServeFake
from tests.faults.conftest import StartTrial, more
from tests.support.commands.in_process import Time, run_once
from tests.support.commands.process import Barrier
from tests.support.faults.inject import Honest, bent, between_pages, broken, dated
from tests.support.warehouse.oracle import assert_holds

pytestmark = pytest.mark.slow
Patch = pytest.MonkeyPatch


def a_late_change_is_seen(trial: StartTrial, _: ServeFake) -> None:
    trying = trial("phaxio")
    trying.recovers()
    trying.served.fake.change(trying.newest()[0], error_message="credited")
    trying.recovers()


def without_look_back(patch: Patch) -> None:
    def plan(run: Run, position: Position) -> list[Window]:
        return [Window(whole_second(position.cursor or run.default_start), run.end)]

    patch.setattr(sources.load.batches, "plan", plan)


def the_bounds_are_frozen(trial: StartTrial, _: ServeFake) -> None:
    trying = trial("phaxio", page_cap="200", new=700)
    trying.recovers()
    bounds = {
        (request.query["created_after"], request.query["created_before"]) for request in trying.served.server.requests
    }
    assert len(bounds) == 1


def with_bounds_that_move(patch: Patch) -> None:
    asked: list[str] = []

    def moving(self: Client, path: str, params: Any = None) -> Any:
        asked.append(path)
        later = {"created_before": rfc3339(datetime.now(UTC) + timedelta(seconds=len(asked)))}
        return get(self, path, {**params, **later} if params and "created_before" in params else params)

    get = Client.get
    patch.setattr(Client, "get", moving)


def the_edge_of_a_window_belongs_to_one(trial: StartTrial, _: ServeFake) -> None:
    trying = trial("signalwire")
    trying.warehouse.unlink()
    edges = [signalwire.EARLIEST + number * signalwire.WIDEST_WINDOW for number in (1, 2, 5)]
    for fax, edge in zip(more("signalwire", 3, seed=80), edges, strict=True):
        trying.served.fake.add(fax | {"created_at": f"{edge:%Y-%m-%dT%H:%M:%SZ}"})
    trying.recovers()


def with_exclusive_edges(patch: Patch) -> None:
    def contains_each(self: Window, instants: Iterable[datetime]) -> list[bool]:
        return [self.start < instant < self.end for instant in instants]

    patch.setattr(Window, "contains_each", contains_each)


def no_success_is_no_page(trial: StartTrial, _: ServeFake) -> None:
    refused = {"success": False, "data": [], "paging": {"total": 0, "per_page": 1000, "page": 1}}
    trial("phaxio").fails(65, lambda request, honest: json_answer(refused))


def with_success_swallowed(patch: Patch) -> None:
    patch.setattr(sources.phaxio.api, "_require_success", lambda answer: None)


def of_two_runs_at_once_one_is_refused_or_both_are_right(trial: StartTrial, _: ServeFake) -> None:
    trying, barrier = trial("phaxio", page_cap="200", new=700), Barrier(page=2)
    (newest,) = trying.newest()
    with broken(trying.served, barrier.fault()):
        slow = Thread(target=lambda: run_once("phaxio", trying.settings))
        slow.start()
        assert barrier.reached.wait(30)
        trying.served.fake.change(newest, error_message="changed while the first run was held")
        barrier.page = 1_000_000
        try:
            run_once("phaxio", trying.settings)
            refused = False
        except Busy:
            refused = True
        finally:
            barrier.opened.set()
            slow.join()
    if not refused:
        assert_holds(trying.warehouse, "phaxio", trying.served.fake.truth())
    trying.recovers()


def without_the_lock(patch: Patch) -> None:
    from pipelines.warehouse import lock

    for name in ("file", "exclusive"):
        if hasattr(lock, name):
            patch.setattr(lock, name, lambda *_: nullcontext(lock.FileLock()))


def a_cursor_from_the_future_hides_nothing(trial: StartTrial, _: ServeFake) -> None:
    trying, ahead = trial("phaxio"), timedelta(days=400)
    with broken(trying.served, dated(ahead)):
        run_once("phaxio", trying.settings, Time(ahead))
    trying.served.fake.add(*more("phaxio", 10, seed=81))
    trying.recovers()


def with_a_cursor_of_any_time(patch: Patch) -> None:
    def plan(run: Run, position: Position) -> list[Window]:
        cursor, read_at, _ = position
        start = (
            whole_second(min(cursor, (read_at or cursor) - run.request.horizon.lookback))
            if cursor
            else run.default_start
        )
        return [Window(min(start, run.end), run.end)]

    patch.setattr(sources.load.batches, "plan", plan)


def a_fax_on_two_pages_is_one(trial: StartTrial, _: ServeFake) -> None:
    trying = trial("phaxio", page_cap="200", new=430)
    newest = trying.served.fake.records[trying.newest()[0]]
    with broken(trying.served, bent(lambda page: page | {"data": [*page["data"], newest]})):
        run_once("phaxio", trying.settings)
    assert_holds(trying.warehouse, "phaxio", trying.served.fake.truth())


def with_every_reading_a_fax(patch: Patch) -> None:
    honest = WindowResult.add

    def add(self: WindowResult, table: Table, account: str, faxes: list[Placed]) -> None:
        ids = {*self.faxes}
        for fax in faxes:
            if fax.id in ids:
                self.buffer._parts.append(to_rows(table, account, [fax]))
            ids.add(fax.id)
        honest(self, table, account, faxes)

    patch.setattr(WindowResult, "add", add)


def no_link_leads_elsewhere(trial: StartTrial, serve_fake: ServeFake) -> None:
    elsewhere = serve_fake("signalwire", more("signalwire", 5))
    trying = trial("signalwire")
    link = elsewhere.server.url + "/api/fax/logs?page_number=1"
    with broken(trying.served, bent(lambda page: page | {"links": {"next": link}})):
        trying.sync()
    assert elsewhere.server.requests == []


def with_any_origin(patch: Patch) -> None:
    patch.setattr(Client, "resolve", lambda self, link: urljoin(self.base_url, link))


def a_changed_recipient_is_a_change(trial: StartTrial, _: ServeFake) -> None:
    trying = trial("phaxio")
    trying.recovers()
    fax = next(
        trying.served.fake.records[id] for id in trying.newest(25) if trying.served.fake.records[id]["recipients"]
    )
    calls = [{**call, "status": "willretry"} for call in fax["recipients"]]
    trying.served.fake.change(fax["id"], recipients=calls)
    trying.recovers()


def with_recipients_unread(patch: Patch) -> None:
    honest = sources.records.record.fingerprint

    def fingerprint(account: str, record: dict[str, Any]) -> str:
        return honest(account, {name: value for name, value in record.items() if name != "recipients"})

    patch.setattr(sources.records.record, "fingerprint", fingerprint)


def every_open_fax_has_its_turn(trial: StartTrial, _: ServeFake) -> None:
    trying = trial("phaxio")
    for id in trying.newest(12):
        trying.served.fake.change(id, status="queued")
    trying.recovers()
    horizon, served = Horizon(sources.phaxio.api.EARLIEST, 3 * DAY, 30 * DAY, 8), trying.served

    def run(days: int) -> None:
        with broken(served, dated(days * DAY)):
            run_once("phaxio", trying.settings, Time(days * DAY), horizon=horizon)

    run(10)  # the last time that all are read with their window
    served.server.requests.clear()
    run(11)
    asked = {request.path.rpartition("/")[2] for request in served.server.requests}
    waiting = [id for id in served.fake.open_ids() if str(id) not in asked]
    for id in waiting:
        served.fake.settle_one(id)
    for days in range(len(waiting) // 8 + 1):
        run(12 + days)
    assert waiting
    assert_holds(trying.warehouse, "phaxio", served.fake.truth())


def with_the_same_open_faxes_asked_for_again(patch: Patch) -> None:
    patch.setattr(sources.load.open_faxes, "due", lambda faxes, _, now: due(faxes, now - DAY, now))


def nothing_is_missed_between_two_clocks(trial: StartTrial, _: ServeFake) -> None:
    trying, now, second = trial("phaxio"), datetime.now(UTC), timedelta(seconds=1)
    trying.warehouse.unlink()
    horizon = Horizon(sources.phaxio.api.EARLIEST, timedelta(), timedelta(days=30), 100, lag=60 * second)
    run_once("phaxio", trying.settings, Time(299 * second), horizon=horizon)
    (late,) = more("phaxio", 1, seed=82)
    trying.served.fake.add(late | {"created_at": f"{now + 5 * second:%Y-%m-%dT%H:%M:%SZ}"})
    with broken(trying.served, dated(300 * second)):
        run_once("phaxio", trying.settings, Time(599 * second), horizon=horizon)
    assert_holds(trying.warehouse, "phaxio", trying.served.fake.truth())


def with_our_clock_alone(patch: Patch) -> None:
    patch.setattr(Run, "cap_spans", lambda self: None)


def sync_runs_says_what_the_command_said(trial: StartTrial, _: ServeFake) -> None:
    trying, sent = trial("phaxio"), Event()

    def stop(request: Request, honest: Honest) -> Answer:
        if not sent.is_set():
            sent.set()
            os.kill(os.getpid(), signal.SIGTERM)
        return honest(request)

    with broken(trying.served, stop):
        synced = trying.sync()
    assert synced.exit_code == 143
    trying.told_truly(synced.said)


def with_signals_left_out_of_sync_runs(patch: Patch) -> None:
    patch.setattr(Ending, "exit_code", property(lambda self: 0))


def bounds_that_are_not_heeded_hide_nothing(trial: StartTrial, _: ServeFake) -> None:
    trying = trial("signalwire", filter="ignored", page_cap="200")
    trying.served.fake.add(*more("signalwire", 900, days=700, seed=82))
    trying.warehouse.unlink()
    trying.recovers()


def with_pages_of_other_times_given_up(patch: Patch) -> None:
    patch.setattr(BoundForms, "check_strays", lambda self, form, window, strays: None)
    patch.setattr(PageOrder, "is_past", lambda self, times: not any(at in self.window for at in times))


def a_list_that_shifts_is_read_again(trial: StartTrial, _: ServeFake) -> None:
    trying = trial("phaxio", page_cap="200", new=340)
    trying.settings["SOURCES__CONNECTIONS"] = "1"  # pages that are fetched in parallel need not shift
    trying.warehouse.unlink()

    def arrive(number: int) -> None:
        if number == 2:
            trying.served.fake.add(*more("phaxio", 1, days=0.01, seed=83))

    with broken(trying.served, between_pages(arrive)):
        assert trying.sync().exit_code == 0
    trying.holds(trying.served.fake.truth())


def with_every_page_of_known_faxes_a_circle(patch: Patch) -> None:
    honest = SeenIds.end_page

    def end_page(self: SeenIds, number: int, is_counted: bool) -> None:
        honest(self, number, is_counted)
        if self.has_shifted:
            raise ContractError("the pages go round in a circle")

    patch.setattr(SeenIds, "end_page", end_page)


SABOTAGE: dict[Callable[..., None], Callable[[Patch], None]] = {
    a_late_change_is_seen: without_look_back,
    the_bounds_are_frozen: with_bounds_that_move,
    the_edge_of_a_window_belongs_to_one: with_exclusive_edges,
    no_success_is_no_page: with_success_swallowed,
    of_two_runs_at_once_one_is_refused_or_both_are_right: without_the_lock,
    a_cursor_from_the_future_hides_nothing: with_a_cursor_of_any_time,
    a_fax_on_two_pages_is_one: with_every_reading_a_fax,
    no_link_leads_elsewhere: with_any_origin,
    a_changed_recipient_is_a_change: with_recipients_unread,
    every_open_fax_has_its_turn: with_the_same_open_faxes_asked_for_again,
    nothing_is_missed_between_two_clocks: with_our_clock_alone,
    sync_runs_says_what_the_command_said: with_signals_left_out_of_sync_runs,
    bounds_that_are_not_heeded_hide_nothing: with_pages_of_other_times_given_up,
    a_list_that_shifts_is_read_again: with_every_page_of_known_faxes_a_circle,
}


@pytest.mark.parametrize("law", SABOTAGE, ids=lambda law: law.__name__)
def test_a_law_holds_and_is_seen_to_be_broken(
    law: Callable[..., None], trial: StartTrial, serve_fake: ServeFake, monkeypatch: Patch
) -> None:
    law(trial, serve_fake)
    with monkeypatch.context() as patch:
        SABOTAGE[law](patch)
        with pytest.raises(AssertionError):
            law(trial, serve_fake)
