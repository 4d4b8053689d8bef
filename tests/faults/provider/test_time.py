"""Time that is wrong, doubled or far off: clocks, daylight saving, late changes, one second for all."""

from datetime import UTC, datetime, timedelta
from importlib import import_module
from itertools import count
from typing import Any

import pytest

import sources
from sources.extract.source import Source
from sources.fakes.server import Answer, Request
from sources.load.run_request import Horizon
from tests.faults.conftest import StartTrial, Trial, more
from tests.support.commands.in_process import Time, run_once
from tests.support.faults.inject import Honest, broken, dated
from tests.support.faults.wire import created
from tests.support.warehouse.rows import content, rows
from tests.support.warehouse.state import cursor, cursors

every_provider = pytest.mark.parametrize("provider", sources.providers())
DAY = timedelta(days=1)
WRONG_CLOCKS = [("phaxio", -1), ("signalwire", 1), ("phaxio", 400), ("signalwire", -400)]


@pytest.mark.parametrize(("provider", "days"), WRONG_CLOCKS)
def test_a_clock_that_is_wrong_here_loses_nothing_and_is_told(provider: str, days: float, trial: StartTrial) -> None:
    started = trial(provider)
    run = started.survives(lambda request, honest: honest(request), Time(ahead=days * DAY))

    read_to, now = cursors(started.place, provider), datetime.now(UTC)
    assert len(read_to) == len(Source(provider).tables)
    assert ["the clock here is" in text for text in run.warnings].count(True) == 1, run.warnings
    earlier = now + min(days, 0) * DAY
    assert all(earlier - timedelta(minutes=5) < at <= earlier for at in read_to)
    started.served.fake.add(*more(provider, 10, days=0.01, seed=30))
    started.recovers()


@pytest.mark.parametrize(("provider", "days"), WRONG_CLOCKS)
def test_a_clock_that_is_wrong_at_the_provider_hides_nothing_for_longer_than_that(
    provider: str, days: float, trial: StartTrial
) -> None:
    started = trial(provider)
    with broken(started.served, dated(days * DAY)):
        synced = started.sync()

    assert (synced.exit_code, bool(synced.accounts[provider]["warnings"])) == (0, True)
    started.served.fake.add(*more(provider, 10, days=0.01, seed=30))
    started.recovers()
    started.recovers()


@pytest.mark.parametrize(("provider", "hours"), [("phaxio", 1), ("signalwire", 30), ("sinch", 9000), ("phaxio", -30)])
def test_without_look_back_no_fax_between_the_two_clocks_is_missed(
    provider: str, hours: float, trial: StartTrial
) -> None:
    started, ahead = trial(provider), timedelta(hours=hours)
    earliest = sources.provider(provider).api.EARLIEST
    horizon = Horizon(earliest, timedelta(), timedelta(), 0, lag=timedelta(minutes=1))
    started.recovers()
    for _ in range(2):
        started.survives(dated(ahead), horizon=horizon)
        assert all(at <= datetime.now(UTC) for at in cursors(started.place, provider))
        late(started, 0)
    started.survives(lambda request, honest: honest(request), horizon=horizon)


def test_a_clock_that_jumps_within_a_run_proves_no_time_to_come(trial: StartTrial) -> None:
    started, asked = trial("signalwire"), count()

    def jumping(request: Request, honest: Honest) -> Answer:
        return dated(next(asked) * DAY)(request, honest)

    started.survives(jumping)

    assert all(at <= datetime.now(UTC) for at in cursors(started.place, "signalwire"))


def test_a_provider_whose_clock_is_ahead_still_keeps_what_it_keeps(trial: StartTrial) -> None:
    started = trial("sinch")
    started.place.write("drop schema fax_sinch cascade")
    with broken(started.served, dated(400 * DAY)):
        started.sync()
    started.recovers()


@every_provider
def test_a_cursor_in_the_future_hides_nothing_that_comes_after_it(provider: str, trial: StartTrial) -> None:
    started = trial(provider)
    ahead = datetime(2035, 1, 1, tzinfo=UTC) - datetime.now(UTC)
    with broken(started.served, dated(ahead)):
        run_once(provider, started.settings, Time(ahead=ahead))
    read_to = cursor(started.place, provider)
    assert read_to is not None
    assert read_to.year >= 2034

    started.served.fake.add(*more(provider, 10, days=0.01, seed=31))
    started.recovers()


def test_a_clock_that_is_a_little_off_is_not_told(trial: StartTrial) -> None:
    run = trial("phaxio").survives(dated(timedelta(minutes=4)))

    assert run.warnings == []


def late(started: Trial, days: float) -> Any:
    """A fax that appears now and was created so many days ago."""
    (fax,) = more(started.provider, 1, seed=40)
    at = (datetime.now(UTC) - days * DAY).strftime("%Y-%m-%dT%H:%M:%SZ")
    started.served.fake.add(fax | created(started.provider, at))
    return fax["id"]


@every_provider
def test_a_fax_that_appears_late_is_held_if_younger_than_the_look_back_else_by_refetching(
    provider: str, trial: StartTrial
) -> None:
    started = trial(provider)
    late(started, 2.9)
    started.recovers()
    started.served.fake.add(*more(provider, 1, seed=41))
    (old,) = more(provider, 1, seed=42)
    started.served.fake.add(old | created(provider, f"{datetime.now(UTC) - 5 * DAY:%Y-%m-%dT%H:%M:%SZ}"))

    assert started.sync().exit_code == 0
    assert str(old["id"]) not in {id for (id,) in rows(started.place, "select id from fax.faxes")}

    since = f"{datetime.now(UTC) - 6 * DAY:%Y-%m-%d}"

    assert started.sync("--since", since, "--refetch").exit_code == 0
    started.holds(started.served.fake.truth())


@every_provider
def test_a_fax_may_change_for_as_long_as_the_look_back_after_it_was_read(provider: str, trial: StartTrial) -> None:
    started = trial(provider)
    started.recovers()
    changed = started.newest(5)
    ago = Time(ahead=2.9 * DAY)
    for id in changed:
        started.served.fake.change(id, error_message="credited")
    started.survives(dated(2.9 * DAY), ago)


@every_provider
def test_a_fax_that_stays_open_beyond_the_look_back_is_followed_until_it_is_final(
    provider: str, trial: StartTrial
) -> None:
    started = trial(provider)
    open_ids = started.served.fake.open_ids()
    queued = import_module(f"sources.{provider}.fake.data").OPEN[0]
    reopened = [id for id in started.newest(20) if id not in open_ids][:5]
    for id in reopened:
        started.served.fake.change(id, status=queued)
    started.recovers()
    still_open = started.served.fake.open_ids()
    assert set(reopened) <= set(still_open)
    later = Time(ahead=10 * DAY)
    started.survives(dated(10 * DAY), later)
    for id in still_open:
        started.served.fake.settle_one(id)
    started.survives(dated(11 * DAY), Time(ahead=11 * DAY))


@pytest.mark.parametrize(("provider", "lost"), [("phaxio", "_dlt_pipeline_state"), ("signalwire", "_dlt_loads")])
def test_a_state_that_is_lost_is_read_anew_and_doubles_nothing(provider: str, lost: str, trial: StartTrial) -> None:
    started = trial(provider)
    started.place.write(f"delete from fax_{provider}.{lost}")
    started.recovers()
    before = content(started.place, provider)
    started.recovers()
    assert before == content(started.place, provider)
