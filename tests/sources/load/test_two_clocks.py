"""Clock skew between this machine and the provider: no fax is missed, and an impossible `Date` header is ignored."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

import sources
from sources.errors import ConfigError
from sources.fakes.server import Answer, Request
from sources.load.run import Run
from sources.load.run_request import Horizon
from tests.conftest import Served, ServeFake, Settings, generated
from tests.support.commands.in_process import Time, run_once
from tests.support.faults.inject import Honest, broken, dated, raw
from tests.support.faults.wire import created
from tests.support.tiers import SLOW, first_quick
from tests.support.warehouse.file_and_database import Warehouse
from tests.support.warehouse.oracle import assert_holds
from tests.support.warehouse.rows import content, rows
from tests.support.warehouse.state import cursor

every_provider = pytest.mark.parametrize("provider", sources.providers())
SKEWS = [(0, -4), (-4, 0), (-200, -3), (-3, -200)]  # of the provider's clock, seconds, in two runs one after another
QUIET_SKEWS = [skew if skew == (-4, 0) else pytest.param(skew, marks=SLOW) for skew in SKEWS]
SECOND = timedelta(seconds=1)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def fax(provider: str, created_at: datetime) -> dict[str, Any]:
    (made,) = generated(provider, 1, days=1, **({"first_id": 900_000_000} if provider == "phaxio" else {}))
    return made | created(provider, f"{created_at:%Y-%m-%dT%H:%M:%SZ}")


def header(at: datetime, ahead: timedelta) -> str:
    return format_datetime(at + ahead, usegmt=True)


def run(served: Served, settings: Settings, local_skew: timedelta = timedelta(), **headers: str) -> Run:
    """A run without a look-back, by a local clock that is wrong by `local_skew`."""
    horizon = Horizon(sources.provider(served.provider).api.EARLIEST, timedelta(), 30 * 1440 * MINUTE, 100, lag=MINUTE)
    with broken(served, raw(lambda body: body, **headers)):
        return run_once(served.provider, settings, Time(local_skew), horizon=horizon)


@pytest.mark.parametrize(("provider", "ahead"), first_quick([("phaxio", 299), ("phaxio", 90), ("signalwire", 299)]))
def test_a_fax_created_between_the_two_clocks_is_loaded_by_the_next_run(
    provider: str, ahead: int, serve_fake: ServeFake, settings: Settings, warehouse: Any
) -> None:
    served, now = serve_fake(provider, generated(provider, 20, days=5)), datetime.now(UTC)
    run(served, settings, ahead * SECOND)
    served.fake.add(fax(provider, now + 5 * SECOND))
    run(served, settings, (ahead + 300) * SECOND, Date=header(now, 300 * SECOND))

    assert_holds(warehouse, provider, served.fake.truth())


@pytest.mark.parametrize("provider", first_quick(sources.providers()))
def test_a_clock_that_is_set_right_before_the_first_response_proves_no_time_to_come(
    provider: str, serve_fake: ServeFake, settings: Settings, warehouse: Any
) -> None:
    served, time = serve_fake(provider, generated(provider, 20, days=5)), Time(6 * HOUR)
    horizon = Horizon(sources.provider(provider).api.EARLIEST, timedelta(), timedelta(), 0, lag=MINUTE)

    def fault(request: Request, honest: Honest) -> Answer:
        time.ahead = timedelta()
        return honest(request)

    with broken(served, fault):
        first = run_once(provider, settings, time, horizon=horizon)
    served.fake.add(fax(provider, datetime.now(UTC) + 5 * SECOND))
    run(served, settings, 300 * SECOND, Date=header(datetime.now(UTC), 300 * SECOND))

    assert ["the clock here is" in text for text in first.warnings] == [True]
    assert_holds(warehouse, provider, served.fake.truth())


@pytest.mark.parametrize("place", [pytest.param("postgres", marks=SLOW), "duckdb"], indirect=True)
def test_what_a_clock_ahead_has_proven_is_read_again(
    place: Warehouse, serve_fake: ServeFake, settings: Settings
) -> None:
    served, months = serve_fake("phaxio", generated("phaxio", 20, days=5)), 60 * 24 * HOUR
    run(served, settings, months, Date="")  # no time of the provider tells
    for minutes in (10, 20):
        served.fake.add(
            fax("phaxio", datetime.now(UTC) + minutes * MINUTE - 5 * MINUTE) | {"id": 900_000_000 + minutes}
        )
        later = minutes * MINUTE
        run(served, settings, later, Date=header(datetime.now(UTC), later))

        assert_holds(place, "phaxio", served.fake.truth())


def test_clocks_that_are_found_apart_during_a_load_leave_no_window_twice_in_the_ledger(
    serve_fake: ServeFake, settings: Settings, warehouse: Any
) -> None:
    served, shift = serve_fake("signalwire", generated("signalwire", 20, days=5)), dated(-2 * HOUR)

    def fault(request: Request, honest: Honest) -> Answer:
        return shift(request, honest) if len(served.server.requests) > 10 else honest(request)

    with broken(served, fault):
        told = run_once("signalwire", settings)

    windows = rows(warehouse, "select from_at, to_at, count(*) from fax_signalwire.sync_windows group by all")
    assert ([window for window in windows if window[2] > 1], len(windows) > 20, told.tally.new) == ([], True, 20)
    assert_holds(warehouse, "signalwire", served.fake.truth())


@pytest.mark.slow
@pytest.mark.parametrize("provider", first_quick(sources.providers()))
def test_a_fax_that_the_provider_lists_late_is_loaded_by_the_next_run(
    provider: str, serve_fake: ServeFake, settings: Settings, warehouse: Any
) -> None:
    served, now = serve_fake(provider, generated(provider, 20, days=5)), datetime.now(UTC)
    run(served, settings, Date="")
    served.fake.add(fax(provider, now - 40 * SECOND))
    run(served, settings, Date="")

    assert_holds(warehouse, provider, served.fake.truth())


@pytest.mark.slow
@pytest.mark.parametrize("behind", first_quick([120, 0]))
@pytest.mark.parametrize("provider", first_quick(sources.providers()))
def test_a_fax_that_the_provider_lists_early_is_loaded_at_once(
    provider: str, behind: int, serve_fake: ServeFake, settings: Settings, warehouse: Any
) -> None:
    served, now = serve_fake(provider, generated(provider, 20, days=5)), datetime.now(UTC)
    served.fake.add(fax(provider, now - (behind + 1) * SECOND))
    run(served, settings, -behind * SECOND)

    assert_holds(warehouse, provider, served.fake.truth())
    reached = cursor(warehouse, provider)
    assert reached is not None
    assert reached <= now - (behind + 55) * SECOND


@pytest.mark.slow
@pytest.mark.parametrize("provider", first_quick(sources.providers()))
@pytest.mark.parametrize("skews", QUIET_SKEWS)
def test_a_drifting_clock_makes_no_quiet_run_write(
    provider: str, skews: tuple[int, int], serve_fake: ServeFake, settings: Settings, warehouse: Any
) -> None:
    served = serve_fake(provider, generated(provider, 20, days=5))
    run(served, settings, Date=header(datetime.now(UTC), skews[0] * SECOND))
    before = content(warehouse, provider)
    second = run(served, settings, Date=header(datetime.now(UTC), skews[1] * SECOND))

    assert (content(warehouse, provider) == before, second.warnings) == (True, [])


@pytest.mark.slow
def test_the_age_of_a_cached_response_is_added_to_its_date(serve_fake: ServeFake, settings: Settings) -> None:
    served = serve_fake("phaxio", generated("phaxio", 5, days=5))
    cached = run(served, settings, Date=header(datetime.now(UTC), -60 * MINUTE), Age="3600")

    assert cached.warnings == []
    assert abs(cached.spans[-1].end - datetime.now(UTC)) < 3 * MINUTE


def test_an_age_of_many_years_is_ignored(serve_fake: ServeFake, settings: Settings) -> None:
    served = serve_fake("phaxio", generated("phaxio", 5, days=5))
    odd = run(served, settings, Date=header(datetime.now(UTC), 0 * MINUTE), Age="2147483648")  # overflown, RFC 9111

    assert (odd.warnings, len(served.server.requests) < 50) == ([], True)


@pytest.mark.slow
@pytest.mark.parametrize(
    "date",
    first_quick(["Fri, 31 Dec 9999 23:59:59 GMT", "Mon, 01 Jan 0001 00:00:00 GMT", "Thu, 01 Jan 1970 00:00:00 GMT"]),
)
@pytest.mark.parametrize("age", first_quick(["", "x", "9" * 30]))
def test_an_impossible_date_is_ignored(date: str, age: str, serve_fake: ServeFake, settings: Settings) -> None:
    served = serve_fake("signalwire", generated("signalwire", 5, days=5))
    odd = run(served, settings, Date=date, Age=age)

    assert (odd.warnings, len(served.server.requests) < 50) == ([], True)
    assert abs(odd.spans[-1].end - datetime.now(UTC)) < 3 * MINUTE


@every_provider
def test_a_clock_before_the_provider_existed_is_refused(
    provider: str, serve_fake: ServeFake, settings: Settings
) -> None:
    served = serve_fake(provider)
    with pytest.raises(ConfigError, match="the clock says 1999-12-31"):
        run(served, settings, datetime(1999, 12, 31, 12, tzinfo=UTC) - datetime.now(UTC))


def test_a_date_before_the_provider_existed_refuses_no_run(serve_fake: ServeFake, settings: Settings) -> None:
    served = serve_fake("sinch", generated("sinch", 5, days=5))
    early = sources.provider("sinch").api.EARLIEST - timedelta(days=200)

    assert run(served, settings, Date=format_datetime(early, usegmt=True)).spans != []


@pytest.mark.parametrize("provider", first_quick(sources.providers()))
def test_what_was_read_by_a_clock_ahead_without_a_date_is_read_again_once_the_clock_is_right(
    provider: str, serve_fake: ServeFake, settings: Settings, warehouse: Any
) -> None:
    served, now = serve_fake(provider, generated(provider, 20, days=5)), datetime.now(UTC)
    run(served, settings, timedelta(days=-20), Date="")
    for days in (10, 11):
        run(served, settings, timedelta(days=days), Date="")
    served.fake.add(fax(provider, now - timedelta(days=8)))  # while the clock was wrong
    right = run(served, settings, Date="")
    quiet = run(served, settings, Date="")

    assert_holds(warehouse, provider, served.fake.truth())
    assert ["later than the clock" in text for text in right.warnings] == [True]
    assert (quiet.warnings, quiet.spans[-1].length < HOUR) == ([], True)


@pytest.mark.parametrize("days", first_quick([400, 4000]))
def test_a_clock_ahead_here_loses_no_history_that_the_provider_keeps(
    days: int, serve_fake: ServeFake, settings: Settings, warehouse: Any
) -> None:
    served = serve_fake("sinch", generated("sinch", 20, days=5))
    run(served, settings, timedelta(days=days))

    assert_holds(warehouse, "sinch", served.fake.truth())


@pytest.mark.parametrize("provider", first_quick(sources.providers()))
def test_a_clock_more_than_ten_years_ahead_is_told_and_proves_no_time_to_come(
    provider: str, serve_fake: ServeFake, settings: Settings, warehouse: Any
) -> None:
    served = serve_fake(provider, generated(provider, 20, days=5))
    ahead = run(served, settings, timedelta(days=4000))

    reached = cursor(warehouse, provider)
    assert ["the clock here is" in text for text in ahead.warnings] == [True]
    assert reached is not None
    assert reached < datetime.now(UTC)
    assert_holds(warehouse, provider, served.fake.truth())
