"""Moments that are odd: hours that come twice or never, thousands of faxes in one second, faxes from another age."""

from datetime import UTC, datetime, timedelta

import pytest

from sources.phaxio.fake import DOCUMENTED
from tests.faults.conftest import StartTrial, more
from tests.support.commands.in_process import Time, run_once
from tests.support.faults.inject import bent, broken, dated
from tests.support.warehouse.rows import rows
from tests.support.warehouse.state import cursor

DAY = timedelta(days=1)
DOUBLED_HOUR = [f"2024-11-03T01:{minute:02d}:00.000-0{offset}:00" for offset in (5, 6) for minute in (5, 59)]
SPRING = ["2024-03-10T01:59:59.000-06:00", "2024-03-10T03:00:00.000-05:00", "2024-03-10T08:00:00Z"]


@pytest.mark.parametrize("moments", [DOUBLED_HOUR, SPRING], ids=["an hour twice", "an hour never"])
def test_faxes_about_a_change_of_clocks_come_one_run_after_the_other(moments: list[str], trial: StartTrial) -> None:
    started = trial("phaxio")
    started.place.empty()
    for id, moment in enumerate(moments, start=1):
        at = datetime.fromisoformat(moment)
        started.served.fake.add(DOCUMENTED[0] | {"id": id, "created_at": moment})
        ahead = at.astimezone(UTC) - datetime.now(UTC) + timedelta(seconds=30)
        with broken(started.served, dated(ahead)):
            run_once("phaxio", started.settings, Time(ahead=ahead))

        assert str(id) in {held for (held,) in rows(started.place, "select id from fax.faxes")}
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
        started.place, "select created_at from fax.faxes where id = ?", str(id)
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

    ((size,),) = rows(started.place, f"select max(length(state)) from fax_{provider}._dlt_pipeline_state")
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
    read_to = cursor(started.place, provider)

    assert read_to is not None
    assert read_to <= datetime.now(UTC)
    started.served.fake.add(*more(provider, 5, days=0.01, seed=61))
    assert started.sync().exit_code == 0
    held = {id for (id,) in rows(started.place, "select id from fax.faxes")}
    assert {fax["id"] for fax in started.served.fake.truth()} <= held
