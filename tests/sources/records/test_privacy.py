"""Numbers and names behind pseudonyms, or left out: they are nowhere, and costs are as they were."""

import io
import json
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import duckdb
import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sources
from pipelines.views.queries import questions
from sources.records.phone_numbers import canonical
from sources.records.privacy import Privacy
from tests.conftest import ROOT, Query, Served, ServeFake, Settings, Sync, generated
from tests.support.canaries import NAME, NUMBER, TRACES, planted, traces
from tests.support.commands.in_process import Time, run_once
from tests.support.environment import child_environment
from tests.support.faults.bending import bend
from tests.support.faults.inject import broken, dated
from tests.support.faults.wire import created
from tests.support.servers.postgres import Server

KEY = "an example of a key, 32 bytes or more"
HMAC = {"PRIVACY__PHONE_NUMBERS": "hmac", "PRIVACY__KEY": KEY, "PRIVACY__KEY_ID": "k1"}
DROP = {"PRIVACY__PHONE_NUMBERS": "drop"}
NAMES = {"PRIVACY__TAGS": json.dumps(["Patient", "patient.name"])}
every_provider = pytest.mark.parametrize("provider", sources.providers())


def personal_names(provider: str) -> list[str]:
    """The provider's own names for what tells who somebody is."""
    return [column.key or column.name for column in sources.provider(provider).TABLE.columns if column.is_personal]


def serve_canaries(provider: str, serve_fake: ServeFake) -> Served:
    """Faxes with canaries in every field, among them misfits and one without a usable id, as their pages tell them."""
    served = serve_fake(provider, generated(provider, 12, days=2))

    def canaries(page: dict[str, Any]) -> dict[str, Any]:
        if len(page.get("data", ())) > 2:
            faxes = [planted(fax, turn) for turn, fax in enumerate(page["data"])]
            for fax in faxes[::3]:
                fax.update(dict.fromkeys(personal_names(provider), NAME))
                fax.update({"tags": {"patient.NAME": NAME, "ward": NUMBER, NUMBER: "x"}})
            for child in sources.provider(provider).TABLE.children:
                faxes[1] |= {child.source: NAME}
                faxes[3] |= {child.source: {column.name: NAME for column in child.columns if column.is_personal}}
            faxes[1] |= {"cost": NUMBER, "charge": [NUMBER], "price": NUMBER}
            faxes[2] |= {"id": [NUMBER]} | created(provider, f"on {NUMBER}")
            page["data"] = faxes
        return page

    bend(served, canaries)
    return served


@pytest.mark.slow
@every_provider
@pytest.mark.parametrize("handling", [HMAC, DROP], ids=["hmac", "drop"])
def test_no_canary_is_found_anywhere(
    handling: Settings,
    provider: str,
    serve_fake: ServeFake,
    sync: Sync,
    settings: Settings,
    query: Query,
    warehouse: Path,
) -> None:
    settings |= handling | NAMES
    serve_canaries(provider, serve_fake)
    runs = [sync("--verbose"), sync("--verbose", "--log-format", "json", "--full-refresh")]

    assert [run.exit_code for run in runs] == [0, 0]
    assert query("select count(*) from fax.faxes") == [(11,)]
    assert query(f"select count(*) > 0 from fax_{provider}.sync_problems") == [(True,)]
    assert traces(warehouse) == set()
    assert [run.told for run in runs if TRACES.search(run.told)] == []


@pytest.mark.slow
@every_provider
def test_the_canaries_are_there_to_be_found(provider: str, serve_fake: ServeFake, sync: Sync, warehouse: Path) -> None:
    serve_canaries(provider, serve_fake)
    sync()

    table = sources.provider(provider).TABLE.name
    assert {"bytes", "fax.faxes", f"fax_{provider}.{table}", f"fax_{provider}.sync_problems"} <= traces(warehouse)


def to_one_number(fax: dict[str, Any]) -> dict[str, Any]:
    """The fax with one number for whoever is at either end of it."""
    numbers = {name: NUMBER for name in ("from", "to", "from_number", "to_number") if name in fax}
    calls = [call | {"phone_number": NUMBER} for call in fax.get("recipients", ())]
    return fax | numbers | ({"recipients": calls} if "recipients" in fax else {})


@pytest.mark.slow
def test_one_number_has_one_pseudonym_in_both_providers_and_directions(
    serve_fake: ServeFake, sync: Sync, settings: Settings, query: Query
) -> None:
    settings |= HMAC
    for provider in sources.providers():
        serve_fake(provider, [to_one_number(fax) for fax in generated(provider, 30, days=2)])
    sync()

    seen = query("select distinct provider, direction, phone_number from fax.fax_recipients order by all")
    assert len({number for *_, number in seen}) == 1
    assert {(provider, direction) for provider, direction, _ in seen} >= {
        (provider, direction) for provider in sources.providers() for direction in ("sent", "received")
    }
    assert seen[0][2].startswith("+1415~k1~")


ODD = (
    *("+442071838750", "+352270270", "+78121234567", "+2908123", "+12", "+1415555", "4155550100"),
    *("sip:fax@pbx.example.com", "anonymous", "", None, "+1415~k1~abc", "+99999999"),
)
SINCH_TEST_NUMBER = "+19898989898"  # a test fax is known by it alone, and not any more behind a pseudonym
BREAKDOWNS = (
    "select provider, direction, month, country_code, area_code, own_number is null, other_number is null, count(*),"
    " sum(pages), sum(cost_usd) from fax.deliveries group by all order by all",
    "select * exclude (own_number, other_number) from fax.cost_by_number order by all",
    "select * from fax.cost_per_page order by all",
    "select * from fax.delivery_rates order by all",
    "select * from fax.monthly_costs order by all",
    "select * exclude (value) from fax.cost_by_tag order by all",
    "select fax_id, position, earlier_fax_id from fax.duplicate_sends order by all",
    "select * from fax.repeated_sends order by all",
)


@pytest.mark.slow
def test_costs_and_destinations_are_the_same_behind_pseudonyms(
    serve_fake: ServeFake, sync: Sync, settings: Settings, query: Query, warehouse: Path, tmp_path: Path
) -> None:
    for provider in sources.providers():
        faxes = [fax for fax in generated(provider, 250, days=70) if SINCH_TEST_NUMBER not in fax.values()]
        for fax, number in zip(faxes, ODD * 3, strict=False):
            names = personal_names(provider)
            fax.update({name: number for name in names if fax.get(name) is not None})
            fax.update({"recipients": [call | {"phone_number": number} for call in fax.get("recipients", ())]})
        serve_fake(provider, faxes)
    sync()
    kept = [query(sql) for sql in BREAKDOWNS]
    warehouse.rename(tmp_path / "kept.duckdb")
    settings |= HMAC | NAMES
    sync()

    assert len(kept[0]) > 20
    assert [query(sql) for sql in BREAKDOWNS] == kept


@pytest.mark.slow
@every_provider
@pytest.mark.parametrize("handling", [HMAC, DROP], ids=["hmac", "drop"])
def test_a_run_with_nothing_new_writes_nothing(
    handling: Settings, provider: str, serve_fake: ServeFake, sync: Sync, settings: Settings, query: Query
) -> None:
    settings |= handling | {"PRIVACY__KEEP_DAYS": "300"}
    serve_fake(provider, generated(provider, 40, days=3))
    sync()
    loads = query(f"select count(*) from fax_{provider}._dlt_loads")
    told = sync().accounts[provider]

    assert (told["new"], told["changed"], told["purged"]) == (0, 0, 0)
    assert query(f"select count(*) from fax_{provider}._dlt_loads") == loads


@pytest.mark.slow
def test_a_change_of_key_has_both_side_by_side_until_a_full_refresh(
    serve_fake: ServeFake, sync: Sync, settings: Settings, query: Query
) -> None:
    serve_fake("signalwire", [fax | {"from": NUMBER, "to": NUMBER} for fax in generated("signalwire", 40, days=20)])
    settings |= HMAC
    sync()
    settings |= {"PRIVACY__KEY": KEY[::-1], "PRIVACY__KEY_ID": "k2"}
    sync()

    lately = "created_at > now() - interval 3 days"
    by_key = f"select distinct split_part(from_number, '~', 2), {lately}, from_number from fax.faxes order by all"
    (old, _, one), (new, _, other) = query(by_key)
    assert (old, new, one == other) == ("k1", "k2", False)
    assert [row[:2] for row in query(by_key)] == [("k1", False), ("k2", True)]

    settings["PRIVACY__KEY_ID"] = "k2"
    sync("--full-refresh")
    assert query("select distinct from_number from fax.faxes") == [(other,)]


@pytest.mark.slow
def test_an_open_fax_is_read_again_by_its_id_and_stays_hidden(
    serve_fake: ServeFake, sync: Sync, settings: Settings, query: Query
) -> None:
    settings |= HMAC
    created = datetime.now(UTC) - timedelta(days=10)
    (log,) = import_module("sources.signalwire.fake").generate(1, start=created, end=created + timedelta(hours=1))
    served = serve_fake("signalwire", [log | {"from": NUMBER, "status": "queued"}])
    sync()
    before = query("select from_number from fax.faxes")
    served.fake.settle_one(log["id"])
    later = timedelta(days=2)
    with broken(served, dated(later)):
        run = run_once("signalwire", settings, Time(later), privacy=Privacy("hmac", KEY.encode(), "k1", frozenset()))

    assert run.tally.changed == 1
    assert query("select from_number, is_final from fax.faxes") == [(*before[0], True)]


@pytest.mark.slow
def test_a_deleted_fax_keeps_what_is_known_and_its_number_is_hidden_from_then_on(
    serve_fake: ServeFake, sync: Sync, settings: Settings, query: Query
) -> None:
    logs = [fax | {"from": NUMBER, "note": {"to": NUMBER}} for fax in generated("signalwire", 9, days=2)]
    served = serve_fake("signalwire", logs)
    sync()
    deleted = next(fax["id"] for fax in served.fake.truth() if fax["is_final"])
    settings |= HMAC
    served.fake.delete(deleted)

    assert sync().accounts["signalwire"]["deleted"] == 1
    assert [is_deleted for (is_deleted,) in query("select is_deleted from fax.faxes order by all")][-1]
    assert query("select distinct left(from_number, 9) from fax.faxes") == [("+1415~k1~",)]
    assert query("select count(distinct note::text), max(note::text) like '%~k1~%' from fax_signalwire.fax_logs") == [
        (1, True)
    ]


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("call +1 (415) 777-0123 or 415.777.0123", "call [number] or [number]"),
        ("sip:14157770123@10.0.0.7", "sip:[number]@10.0.0.7"),
        ("number (415) 777-0123: busy", "number ([number]: busy"),
        ("415\u2011777\u20110123, 415\u00a0777\u00a00123, 415_777_0123", "[number], [number], [number]"),
        ("+ 1 (415) 777 0123; \uff14\uff11\uff15\uff17\uff17\uff17\uff10\uff11\uff12\uff13", "[number]; [number]"),
        ("2026-11-22 415 777 0123, 2026-11-2212", "2026-11-22 [number], [number]"),
        ("at 2026-11-22 04:05:06.789, twice", "at 2026-11-22 04:05:06.789, twice"),
        ("b7182dc2-0011-4012-9012-201164032900", "b7182dc2-0011-4012-9012-201164032900"),
        ("FX01234567890123456789012345678901", "FX01234567890123456789012345678901"),
        ("order 123456789, page 1 of 12", "order 123456789, page 1 of 12"),
    ],
)
def test_in_a_text_numbers_are_left_out_and_ids_and_times_stay(text: str, kept: str) -> None:
    table = sources.provider("phaxio").TABLE

    assert Privacy("drop").of(table)({"error_message": text}) == {"error_message": kept}


HIDING = Privacy("hmac", KEY.encode(), "k1")
DELIVERIES = next(view.query for view in questions("fax", "UTC")[0] if view.name == "deliveries")
DERIVED = re.search(r" as other_number\n(.*?)\n    , deliveries.outcome", DELIVERIES, re.DOTALL)


@hypothesis.settings(deadline=None)
@given(st.lists(st.from_regex(r"\+?[0-9]{3,16}", fullmatch=True), min_size=1))
def test_a_pseudonym_has_the_country_and_the_area_of_its_number(numbers: list[str]) -> None:
    assert DERIVED is not None
    sql = f"select 0 {DERIVED[1]} from (select unnest(?) as phone_number) as deliveries"
    pseudonyms = [HIDING.pseudonym(number) for number in numbers]

    assert (
        duckdb.execute(sql, [pseudonyms]).fetchall()
        == duckdb.execute(sql, [[canonical(number) for number in numbers]]).fetchall()
    )


@given(st.text() | st.from_regex(r"\+?[0-9]{3,16}", fullmatch=True))
def test_what_is_hidden_stays_as_it_is_wherever_it_stands(number: str) -> None:
    pseudonym = str(HIDING.pseudonym(number))
    treat = HIDING.of(sources.provider("phaxio").TABLE)

    assert HIDING.pseudonym(pseudonym) == pseudonym
    assert treat({"error_message": f"to {pseudonym}."}) == {"error_message": f"to {pseudonym}."}


@pytest.mark.slow
def test_a_postgres_has_the_same_breakdown_and_marks_deleted_faxes(
    serve_fake: ServeFake, sync: Sync, settings: Settings, postgres: Server, database: str
) -> None:
    notes = ({"to": NUMBER}, "a text", ["a list"])
    logs = generated("signalwire", 60, days=2)
    served = serve_fake("signalwire", [log | {"note": notes[turn % 3]} for turn, log in enumerate(logs)])
    breakdown = (
        "select country_code, area_code, count(*), sum(cost_usd) from fax.deliveries group by 1, 2 order by 1, 2"
    )
    sync()
    kept = postgres.query(database, breakdown)
    settings |= HMAC
    for id in [fax["id"] for fax in served.fake.truth() if fax["is_final"]][:12]:
        served.fake.delete(id)

    assert sync("--full-refresh").accounts["signalwire"]["deleted"] == 12
    assert postgres.query(database, breakdown) == kept
    clear = "select count(*) from fax_signalwire.fax_logs where note::text like '%777%' or \"from\" not like '%~k1~%'"
    assert postgres.query(database, clear) == [(0,)]
    assert len(postgres.query(database, "select distinct note::text from fax_signalwire.fax_logs")) == 3


@pytest.mark.slow
def test_the_command_tells_the_pseudonym_that_the_warehouse_has(
    serve_fake: ServeFake, sync: Sync, settings: Settings, query: Query
) -> None:
    serve_fake("signalwire", [fax | {"from": NUMBER} for fax in generated("signalwire", 3, days=2)])
    settings |= HMAC
    sync()
    command = [sys.executable, str(ROOT / "pipelines" / "pseudonym.py")]
    told = subprocess.run(
        command, env=child_environment(settings), input=f"{NUMBER}\n", capture_output=True, text=True, check=True
    )
    del settings["PRIVACY__PHONE_NUMBERS"]
    refused = subprocess.run(
        command, env=child_environment(settings), input="", capture_output=True, text=True, check=False
    )

    assert query("select distinct from_number from fax.faxes") == [(told.stdout.strip(),)]
    assert (refused.returncode, NUMBER in told.stderr) == (78, False)


WRITTEN = (
    "+1 (206) 555-0100",
    "001 206 555 0100",
    "+1.206.555.0100",
    "(+1) 206/555/0100",
    "+1\u00a0206\u20115550100",
    "\u202a+12065550100\u202c",
    "\uff0b\uff11\uff12\uff10\uff16\uff15\uff15\uff15\uff10\uff11\uff10\uff10",
    "+\u0661\u0662\u0660\u0666\u0665\u0665\u0665\u0660\u0661\u0660\u0660",
    "+1 206 555 \u22120100 ",
)


@pytest.mark.parametrize("written", WRITTEN, ids=ascii)
def test_a_number_has_one_pseudonym_however_it_is_written(written: str) -> None:
    assert HIDING.pseudonym(written) == HIDING.pseudonym("+12065550100")


def test_numbers_and_texts_that_differ_keep_different_pseudonyms() -> None:
    texts = [
        "+12065550100",
        "12065550100",
        "2065550100",
        "+12065550101",
        "anonymous",
        "Anonymous",
        "a-1",
        "a1",
        "1-2",
        "12",
    ]
    texts += ["+44 (0)20 7946 0000", "+44207946000", "sip:12065550100@example.com", "0100", "100"]

    assert len({HIDING.pseudonym(text) for text in texts}) == len(texts)
    assert HIDING.pseudonym("+44 (0)20 7946 0000") == HIDING.pseudonym("+442079460000")


@pytest.mark.parametrize(
    ("given", "options", "code", "lines"),
    [
        ("+12065550100\n\n  +1 206 555 0100  \r\n", (), 0, 2),
        ("\ufeff+12065550100", (), 0, 1),
        ("", (), 64, 0),
        (" \n\t\n", (), 64, 0),
        ("abc\n", (), 64, 0),
        ("+12065550100\nabc\n", (), 64, 0),
        ("2065550100\n", (), 64, 0),
        ("+123456\n", (), 64, 0),
        ("+1234567890123456\n", (), 64, 0),
        ("+02065550100\n", (), 64, 0),
        ("+1206555O100\n", (), 64, 0),
        ("abc\n", ("--text",), 0, 1),
        ("", ("--text",), 64, 0),
    ],
    ids=ascii,
)
def test_the_command_takes_what_is_a_number_and_nothing_else(
    given: str,
    options: tuple[str, ...],
    code: int,
    lines: int,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from pipelines.pseudonym import main

    for name, value in (settings | HMAC).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given.encode()), encoding="ascii"))
    try:
        ended = main(options)
    except SystemExit as end:
        ended = int(str(end.code))
    out, err = capsys.readouterr()

    assert (ended, len(out.splitlines()), len(set(out.splitlines()))) == (code, lines, min(lines, 1))
    assert ("+12065550100" in err) == (code == 64)


@pytest.mark.parametrize(
    ("setting", "named"),
    [
        ({"PRIVACY__PHONE_NUMBERS": "hash"}, "phone_numbers"),
        ({"PRIVACY__PHONE_NUMBERS": "hmac"}, "privacy.key"),
        (HMAC | {"PRIVACY__KEY": "x" * 31}, "privacy.key"),
        (HMAC | {"PRIVACY__KEY_ID": "2026~11"}, "key_id"),
        (DROP | {"PRIVACY__TAGS": "patient"}, "tags"),
        (DROP | {"PRIVACY__TAGS": "[1]"}, "tags"),
    ],
    ids=str,
)
def test_a_setting_that_would_hide_nothing_is_refused_before_any_request(
    setting: Settings, named: str, serve_fake: ServeFake, sync: Sync, settings: Settings
) -> None:
    served = serve_fake("phaxio")
    settings |= setting
    synced = sync()

    assert (synced.exit_code, named in synced.told, served.server.requests) == (78, True, [])
