"""check.py names what is wrong, one by one, and finds nothing where nothing is."""

import fcntl
import json
import os
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from pipelines.check import main
from pipelines.warehouse import load
from sources.extract.source import Source
from sources.fakes.server import Answer, Request, json_answer
from sources.window import SECOND, Window
from tests.conftest import Query, Served, ServeFake, Settings, Sync, generated
from tests.support.commands.check_command import Check
from tests.support.environment import applied
from tests.support.tiers import first_quick, quick_ones
from tests.support.warehouse.file_and_database import File, Warehouse


@pytest.mark.usefixtures("served")
def test_where_all_is_well_nothing_is_found(check: Check) -> None:
    exit_code, told = check()

    assert (exit_code, told["phaxio"]["findings"], told["this machine"]["findings"]) == (0, [], [])


BROKEN = {
    "a hole": (
        "update fax_phaxio.sync_windows set from_at = from_at + interval 9 day; "
        "insert into fax_phaxio.sync_windows by name select * replace (from_at - interval 9 day as from_at, "
        "from_at - interval 8 day as to_at) from fax_phaxio.sync_windows",
        "was never read",
    ),
    "rows that are gone": ("delete from fax_phaxio.faxes where id % 2 = 0", "rows are gone"),
    "a schedule that stopped": (
        "update fax_phaxio.sync_windows set from_at = from_at - interval 2 day, to_at = to_at - interval 2 day",
        "check whether the schedule still runs",
    ),
    "a schedule that stopped after a clock was ahead": (
        "update fax_phaxio.sync_windows set from_at = from_at - interval 2 day, to_at = to_at - interval 2 day; "
        "insert into fax_phaxio.sync_windows by name select * replace (to_at + interval 9 year as to_at, "
        "finished_at + interval 9 year as finished_at) from fax_phaxio.sync_windows",
        "check whether the schedule still runs",
    ),
    "a window that was not proven": ("update fax_phaxio.sync_windows set proof = 'unproven'", "not proven complete"),
    "nothing at all": ("drop table fax_phaxio.sync_windows cascade", "nothing has been loaded yet"),
}


@pytest.mark.usefixtures("served")
@pytest.mark.parametrize("name", first_quick(BROKEN, 3))
def test_each_thing_that_is_wrong_with_the_warehouse_is_named(name: str, check: Check, warehouse: Path) -> None:
    sql, words = BROKEN[name]
    File(warehouse).write(sql)
    exit_code, told = check()

    assert (exit_code, any(words in finding for finding in told["phaxio"]["findings"])) == (65, True), told


@pytest.mark.usefixtures("served")
def test_what_was_filled_in_before_the_providers_first_day_leaves_no_hole(check: Check, sync: Sync) -> None:
    assert sync("--since", "1990-01-01", "--until", "1991-01-01").exit_code == 0
    exit_code, told = check()

    assert (exit_code, told["phaxio"]["findings"]) == (0, [])


def counting(served: Served, faxes: int) -> None:
    """Has the account say that it counts so many faxes this month, whatever it holds."""

    def answer(request: Request) -> Answer:
        status = json.loads(served.fake.answer(request).body)
        status["data"]["faxes_this_month"] = {"sent": faxes, "received": 0}
        return json_answer(status)

    served.server.account_answer = answer


def held_this_month(query: Query, *, each_recipient: bool) -> int:
    """What the warehouse holds of the month in Chicago, as Phaxio may count it."""
    counted = (
        "count(recipients.fax_id) + count(*) filter (recipients.fax_id is null)"
        if each_recipient
        else "count(distinct faxes.id)"
    )
    ((count,),) = query(
        f"""
        select {counted} from fax_phaxio.faxes as faxes
        left join fax_phaxio.fax_recipients as recipients on recipients.fax_id = faxes.id
        where faxes.created_at >=
            date_trunc('month', now() at time zone 'America/Chicago') at time zone 'America/Chicago'
        """
    )
    return int(count)


@pytest.mark.parametrize("each_recipient", [False, True])
def test_a_count_of_faxes_or_of_recipients_is_in_order(
    each_recipient: bool, served: Served, check: Check, query: Query
) -> None:
    counting(served, held_this_month(query, each_recipient=each_recipient))
    exit_code, told = check()

    assert (exit_code, told["phaxio"]["findings"], told["phaxio"]["notes"]) == (0, [], [])


def test_faxes_that_the_warehouse_lacks_however_they_are_counted_are_named(
    served: Served, check: Check, query: Query
) -> None:
    counting(served, held_this_month(query, each_recipient=True) + 30)  # more than were created around a month's turn
    exit_code, told = check()

    assert (exit_code, "the provider counts" in told["phaxio"]["findings"][0]) == (65, True)


def test_each_span_of_time_has_its_own_faxes_and_deliveries(
    place: Warehouse, settings: Settings, serve_fake: ServeFake, sync: Sync
) -> None:
    sent = [fax for fax in generated("phaxio", 60, days=0.01) if fax["direction"] == "sent"][:8]
    serve_fake("phaxio", [fax | {"recipients": fax["recipients"][:1] * 4} for fax in sent])
    assert sync().exit_code == 0
    times = sorted(datetime.fromisoformat(fax["created_at"]) for fax in sent)
    spans = [Window(times[0], times[5]), Window(times[5], times[7] + SECOND), Window(times[2], times[4])]
    faxes = [sum(span.start <= at < span.end for at in times) for span in spans]
    with applied(settings), load.opened("phaxio", "default", "fax") as opened:
        table = Source("phaxio").table
        stored = opened.stored(table)
        told = stored.counts(table, spans), stored.deliveries(table, table.children[0], spans)

    assert told == (faxes, [4 * count for count in faxes])


@pytest.mark.slow
@pytest.mark.parametrize("counted", [0, 13])
def test_a_count_that_no_reading_agrees_with_is_noted_with_both_figures(
    counted: int, serve_fake: ServeFake, sync: Sync, check: Check
) -> None:
    made = generated("phaxio", 60, days=0.01)
    sent = [fax | {"recipients": fax["recipients"][:1] * 4} for fax in made if fax["direction"] == "sent"]
    served = serve_fake("phaxio", sent[:8])
    assert sync().exit_code == 0
    counting(served, counted)
    exit_code, told = check()
    (note,) = told["phaxio"]["notes"]

    assert (exit_code, told["phaxio"]["findings"]) == (0, [])
    assert f"counts {counted} faxes this month; the warehouse holds 8, to 32 recipients" in note


def test_faxes_newer_than_the_last_run_are_not_lacking(served: Served, check: Check) -> None:
    fresh = generated("phaxio", 30, days=0.1, seed=4, first_id=700_000_001)
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    served.fake.add(*[fax | {"created_at": now} for fax in fresh])
    exit_code, told = check()

    assert (exit_code, told["phaxio"]["findings"], told["phaxio"]["notes"]) == (0, [], [])


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer(401), "refused the credentials"),
        (Answer(403), "its scope"),
        (Answer(503), "run again later"),
        (Answer(200, b"<html>"), "JSON"),
    ],
)
def test_what_the_provider_answers_is_named(
    answer: Answer, words: str, served: Served, check: Check, settings: Settings
) -> None:
    served.server.answer = lambda request: answer
    exit_code, told = check()

    assert (exit_code, words in told["phaxio"]["findings"][0]) == (65, True)


def test_a_clock_that_is_wrong_is_named(served: Served, check: Check) -> None:
    honest, other = served.server.answer, format_datetime(datetime.now(UTC) + timedelta(hours=3), usegmt=True)

    def answer(request: Request) -> Answer:
        told = honest(request)
        return Answer(told.status, told.body, {**told.headers, "Date": other})

    served.server.answer = answer
    exit_code, told = check()

    assert (exit_code, any("this machine's clock" in finding for finding in told["phaxio"]["findings"])) == (65, True)


@pytest.mark.usefixtures("served")
def test_a_sync_at_work_is_no_finding_but_leaves_nothing_to_look_at(check: Check, sync: Sync, warehouse: Path) -> None:
    assert sync().exit_code == 0
    with Path(f"{warehouse}.lock").open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        exit_code, told = check()

    phaxio = told["phaxio"]

    assert (exit_code, phaxio["findings"], phaxio["looked_at"]) == (75, [], False)
    assert f"process {os.getpid()}" in phaxio["notes"][0]


@pytest.mark.slow
def test_values_that_did_not_fit_and_new_fields_are_noted(served: Served, check: Check, sync: Sync) -> None:
    (fax,) = generated("phaxio", 1, days=0.1, seed=5, first_id=900_000_001)
    served.fake.add(fax | {"num_pages": "many", "region": "us-east"})
    sync()
    exit_code, told = check()
    notes = " ".join(told["phaxio"]["notes"])

    assert (exit_code, "1 values of faxes.num_pages" in notes, "faxes.region is new" in notes) == (0, True, True)


def test_a_name_of_a_field_is_told_on_one_line_and_without_a_number(
    served: Served, sync: Sync, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, value in enumerate((1, "one")):
        (fax,) = generated("phaxio", 1, days=0.1, seed=number, first_id=900_000_001 + number)
        served.fake.add(fax | {"to +12065550142": value, "a\nphaxio: all is well": value})
        assert "12065550142" not in sync().told
    with applied(settings):
        main([])
    told = capsys.readouterr().out

    assert "faxes.to +…42 did not fit" in told
    assert ("12065550142" in told, "\nphaxio: all is well did" in told) == (False, False)


UNREACHED = {
    "a server that is gone": None,
    "a redirect": Answer(301, headers={"Location": "https://fax.example.com/v3"}),
    "410": Answer(410, b"{}"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", quick_ones(UNREACHED, ["410"]))
def test_a_provider_out_of_reach_for_a_day_is_a_finding_that_names_the_way_on(
    name: str, served: Served, check: Check, sync: Sync, warehouse: Path, settings: Settings
) -> None:
    answer = UNREACHED[name]
    if answer is None:
        settings["SOURCES__PHAXIO__BASE_URL"] = "http://127.0.0.1:9"
    else:
        served.server.answer = lambda request: answer
    assert sync().exit_code in (65, 75)
    assert [finding for finding in check()[1]["phaxio"]["findings"] if "no run has reached" in finding] == []

    for table, columns in {"sync_windows": ("from_at", "to_at"), "sync_runs": ("started_at", "finished_at")}.items():
        for column in columns:
            File(warehouse).write(f"update fax_phaxio.{table} set {column} = {column} - interval 2 day")
    exit_code, told = check()
    (finding,) = [finding for finding in told["phaxio"]["findings"] if "no run has reached" in finding]

    assert (exit_code, "Sinch" in finding) == (65, True)
    assert [finding for finding in told["phaxio"]["findings"] if "schedule" in finding] == []
    served.server.answer = served.fake.answer
    settings["SOURCES__PHAXIO__BASE_URL"] = f"{served.server.url}/v2"
    assert sync().exit_code == 0
    assert [finding for finding in check()[1]["phaxio"]["findings"] if "no run has reached" in finding] == []


@pytest.mark.parametrize("name", first_quick(["a redirect", "410"]))
def test_a_run_that_meets_with_an_end_of_the_api_says_what_to_do(name: str, served: Served, sync: Sync) -> None:
    answer = UNREACHED[name]
    assert answer is not None
    served.server.answer = lambda request: answer
    synced = sync()

    assert (synced.exit_code, "Sinch" in synced.accounts["phaxio"]["error"]) == (65, True)


def test_a_provider_that_has_announced_no_successor_is_not_said_to_have_one(serve_fake: ServeFake, sync: Sync) -> None:
    serve_fake("signalwire").server.answer = lambda request: Answer(410, b"{}")

    assert "has announced the end" in sync().accounts["signalwire"]["error"]


@pytest.mark.slow
def test_a_project_without_any_fax_log_is_said_to_fax_by_other_means(
    serve_fake: ServeFake, sync: Sync, check: Check
) -> None:
    served = serve_fake("signalwire")
    warnings = sync().accounts["signalwire"]["warnings"]
    quiet = sync().accounts["signalwire"]["warnings"]
    exit_code, told = check()
    notes = told["signalwire"]["notes"]

    assert (exit_code, told["signalwire"]["findings"], warnings == quiet == notes) == (0, [], True)
    assert ["SWML" in text and "Logs > Calling" in text for text in warnings] == [True]
    served.fake.add(*generated("signalwire", 1, days=0.1))
    assert sync().accounts["signalwire"]["warnings"] == []
    assert check()[1]["signalwire"]["notes"] == []


@pytest.mark.slow
def test_an_empty_account_of_another_provider_is_merely_empty(serve_fake: ServeFake, sync: Sync, check: Check) -> None:
    serve_fake("phaxio")

    assert (sync().accounts["phaxio"]["warnings"], check()[1]["phaxio"]["notes"]) == ([], [])


@pytest.mark.slow
def test_faxes_deleted_before_they_were_read_are_counted(
    serve_fake: ServeFake, sync: Sync, check: Check, query: Query
) -> None:
    made = [log | {"status": "completed"} for log in generated("signalwire", 5, days=2)]
    served = serve_fake("signalwire", made)
    served.fake.delete(made[0]["id"])
    served.fake.delete(made[1]["id"])
    assert sync().exit_code == 0
    served.fake.delete(made[2]["id"])
    assert sync().exit_code == 0
    exit_code, told = check()
    (note,) = told["signalwire"]["notes"]

    assert (exit_code, note.startswith("faxes deleted at the provider before a run could read them: 2;")) == (0, True)
    assert query("select count(*) from fax.faxes where is_deleted and outcome = 'unknown' and cost_usd is null") == [
        (2,)
    ]


@pytest.mark.slow
@pytest.mark.usefixtures("place")
def test_an_account_that_was_given_another_name_is_found_to_count_twice(
    serve_fake: ServeFake, sync: Sync, settings: Settings, check: Check
) -> None:
    serve_fake("phaxio", generated("phaxio", 150, days=60))
    named = {key: settings.pop(f"SOURCES__PHAXIO__{key}") for key in ("API_KEY", "API_SECRET", "BASE_URL")}
    east = {f"SOURCES__PHAXIO__ACCOUNTS__EAST__{key}": value for key, value in named.items()}
    settings |= east
    serve_fake("phaxio", generated("phaxio", 150, days=60, seed=7, first_id=900_000_000), api_key="key-of-west")
    assert sync().exit_code == 0
    before = check()
    for key in east:
        del settings[key]
    settings |= {f"SOURCES__PHAXIO__ACCOUNTS__NORTH__{key}": value for key, value in named.items()}
    assert sync("--account", "north").exit_code == 0
    after = check()

    assert [report["findings"] for report in before[1].values() if report["findings"]] == [], before[1]
    assert after[0] == 65
    assert "faxes in faxes are also stored as those of east" in after[1]["phaxio/north"]["findings"][0]
    assert after[1]["phaxio"]["findings"] == []
