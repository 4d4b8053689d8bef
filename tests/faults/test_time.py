"""Time that is wrong, doubled or far off: clocks, daylight saving, late changes, one second for all."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import duckdb
import pytest
from oracle import assert_holds, content

import sources
from faults.conftest import StartTrial, Trial, more
from faults.direct import Time, run_once
from faults.inject import bent, broken, raw
from faults.state import cursor, rows
from sources.phaxio.fake import DOCUMENTED

every_provider = pytest.mark.parametrize("provider", sources.providers())
DAY = timedelta(days=1)
WRONG_CLOCKS = [("phaxio", -1), ("signalwire", 1), ("phaxio", 400), ("signalwire", -400)]


def dated(ahead: timedelta) -> Any:
    """A provider whose clock is that far ahead of the real one."""
    return raw(lambda body: body, Date=format_datetime(datetime.now(UTC) + ahead, usegmt=True))


@pytest.mark.parametrize(("provider", "days"), WRONG_CLOCKS)
def test_a_clock_that_is_wrong_here_loses_nothing_and_is_told(provider: str, days: float, trial: StartTrial) -> None:
    started = trial(provider)
    run = started.survives(lambda request, honest: honest(request), Time(ahead=days * DAY))

    read_to = cursor(started.warehouse, provider)
    assert read_to is not None
    assert (bool(run.warnings), read_to <= datetime.now(UTC)) == (True, True)
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


def test_a_clock_that_is_a_little_off_is_not_told(trial: StartTrial) -> None:
    run = trial("phaxio").survives(dated(timedelta(minutes=4)))

    assert run.warnings == []


def late(started: Trial, days: float) -> Any:
    """A fax that appears now and was created so many days ago."""
    (fax,) = more(started.provider, 1, seed=40)
    at = (datetime.now(UTC) - days * DAY).strftime("%Y-%m-%dT%H:%M:%SZ")
    started.served.fake.add(fax | {"created_at": at})
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
    started.served.fake.add(old | {"created_at": f"{datetime.now(UTC) - 5 * DAY:%Y-%m-%dT%H:%M:%SZ}"})

    assert started.sync().exit_code == 0
    assert str(old["id"]) not in {id for (id,) in rows(started.warehouse, "select id from fax.faxes")}

    since = f"{datetime.now(UTC) - 6 * DAY:%Y-%m-%d}"

    assert started.sync("--since", since, "--refetch").exit_code == 0
    assert_holds(started.warehouse, provider, started.served.fake.truth())


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
    queued = [id for id in started.newest(20) if started.served.fake.records[id]["status"] != "queued"][:5]
    for id in queued:
        started.served.fake.change(id, status="queued")
    started.recovers()
    still_open = started.served.fake.open_ids()
    assert set(queued) <= set(still_open)
    later = Time(ahead=10 * DAY)
    started.survives(dated(10 * DAY), later)
    for id in still_open:
        started.served.fake.settle_one(id)
    started.survives(dated(11 * DAY), Time(ahead=11 * DAY))


DOUBLED_HOUR = [f"2024-11-03T01:{minute:02d}:00.000-0{offset}:00" for offset in (5, 6) for minute in (5, 59)]
SPRING = ["2024-03-10T01:59:59.000-06:00", "2024-03-10T03:00:00.000-05:00", "2024-03-10T08:00:00Z"]


@pytest.mark.parametrize("moments", [DOUBLED_HOUR, SPRING], ids=["an hour twice", "an hour never"])
def test_faxes_about_a_change_of_clocks_come_one_run_after_the_other(moments: list[str], trial: StartTrial) -> None:
    started = trial("phaxio")
    started.warehouse.unlink()
    for id, moment in enumerate(moments, start=1):
        at = datetime.fromisoformat(moment)
        started.served.fake.add(DOCUMENTED[0] | {"id": id, "created_at": moment})
        ahead = at.astimezone(UTC) - datetime.now(UTC) + timedelta(seconds=30)
        with broken(started.served, dated(ahead)):
            run_once("phaxio", started.settings, Time(ahead=ahead))

        assert str(id) in {held for (held,) in rows(started.warehouse, "select id from fax.faxes")}
    started.recovers()


def test_a_time_without_an_offset_is_read_as_utc(trial: StartTrial) -> None:
    started = trial("phaxio")
    (id,) = started.newest()
    moment = f"{datetime.now(UTC) - DAY:%Y-%m-%dT%H:%M:%S}"
    bend = bent(
        lambda page: page | {"data": [fax | {"created_at": moment} if fax["id"] == id else fax for fax in page["data"]]}
    )
    with broken(started.served, bend):
        assert started.sync().exit_code == 0

    assert [(datetime.fromisoformat(moment + "+00:00"),)] == rows(
        started.warehouse, "select created_at from fax.faxes where id = ?", str(id)
    )
    started.recovers()


@pytest.mark.parametrize(("provider", "bounds"), [("phaxio", "exclusive"), ("signalwire", "inclusive")])
def test_thousands_of_faxes_of_one_second_at_the_edge_of_a_run_are_all_held(
    provider: str, bounds: str, trial: StartTrial
) -> None:
    started = trial(provider, new=5, bounds=bounds)
    edge = (datetime.now(UTC) - timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
    started.served.fake.add(*(fax | {"created_at": edge} for fax in more(provider, 2_000, seed=50)))
    ahead = datetime.fromisoformat(edge) - datetime.now(UTC)
    with broken(started.served, dated(ahead)):
        run_once(provider, started.settings, Time(ahead=ahead))
    started.recovers()

    ((size,),) = rows(started.warehouse, f"select max(length(state)) from fax_{provider}._dlt_pipeline_state")
    assert size < 64 * 1024


@pytest.mark.parametrize(
    ("provider", "odd"),
    [("phaxio", "0001-01-01T00:00:00Z"), ("signalwire", "2099-01-01T00:00:00Z"), ("phaxio", "9999-12-31T23:59:59Z")],
)
def test_a_fax_from_another_age_moves_no_cursor_beyond_the_present(provider: str, odd: str, trial: StartTrial) -> None:
    started = trial(provider)
    (fax,) = more(provider, 1, seed=60)
    slipped = bent(
        lambda page: (
            page
            | {"data": [*page["data"], fax | {"created_at": odd}]}
            | ({"paging": {**page["paging"], "total": page["paging"]["total"] + 1}} if "paging" in page else {})
        )
    )
    with broken(started.served, slipped):
        assert started.sync().exit_code == 0
    read_to = cursor(started.warehouse, provider)

    assert read_to is not None
    assert read_to <= datetime.now(UTC)
    started.served.fake.add(*more(provider, 5, days=0.01, seed=61))
    assert started.sync().exit_code == 0
    held = {id for (id,) in rows(started.warehouse, "select id from fax.faxes")}
    assert {fax["id"] for fax in started.served.fake.truth()} <= held


@pytest.mark.parametrize(("provider", "lost"), [("phaxio", "_dlt_pipeline_state"), ("signalwire", "_dlt_loads")])
def test_a_state_that_is_lost_is_read_anew_and_doubles_nothing(provider: str, lost: str, trial: StartTrial) -> None:
    started = trial(provider)
    with duckdb.connect(str(started.warehouse)) as connection:
        connection.execute(f"delete from fax_{provider}.{lost}")
    started.recovers()
    before = content(started.warehouse, provider)
    started.recovers()
    assert before == content(started.warehouse, provider)
