"""Values that no documentation allows: each is held exactly, or null and kept in `sync_problems`; none stops a run."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from tests.faults.conftest import StartTrial, Trial, more
from tests.support.faults.inject import bent, broken, raw
from tests.support.warehouse.rows import content, rows
from tests.support.warehouse.state import problems

DIGITS = "9" * 5000
COSTS: dict[str, str | None] = {  # as printed -> in cents, or None if it does not fit
    **dict.fromkeys(("NaN", "Infinity", "-Infinity", "1e400", "-1e400", '"NaN"', '"free"', "true", "{}", "[]")),
    **dict.fromkeys(("9223372036854775808", "1" + "0" * 30, DIGITS, '""', '"7 USD"', '{"usd":7}', "[7]")),
    **{"7": "7", '"7"': "7", "7.5": "7.5", "-7": "-7", "0": "0", "7.0": "7", "1e1": "10", '"7.50"': "7.5"},
    **{"0.30000000000000004": "0.3", "0.1": "0.1", "1234567890.01": "1234567890.01", "-0.0": "0"},
    "1e-9": "0",
}
ROUNDED = {"1e-9"}  # to the six decimals that the column has; the original is kept as a problem
TEXTS: dict[str, str | None] = {
    **{'"a\\u0000b"': None, '"\\ud800"': None, '"x\\udfff"': None, "{}": None, '["a"]': None},
    **{'"\\uf0272024-01-01"': "\uf0272024-01-01", '"\\uf0261e999999999"': "\uf0261e999999999"},
    **{'"\\ufffe\\uffff"': "\ufffe\uffff", '"\\u001b[31mred"': "\x1b[31mred", '"\\u202eRTL"': "\u202eRTL"},
    **{'"line\\nfax-sync OK"': "line\nfax-sync OK", '"\'; drop table faxes; --"': "'; drop table faxes; --"},
    **{'"\\\\N"': "\\N", '""': "", '" "': " ", "12": "12", "true": "true", '"é"': "é", '"\\ud83e\\uddfe"': "🧾"},
    **{json.dumps(text): text for text in ("=1+1", "@SUM(1,1)", "-1+1", "+1+1", "\t=1+1")},  # a spreadsheet's formulas
    **{json.dumps("long " * 400_000): "long " * 400_000},
}


def printed_as(started: Trial, key: str, texts: Mapping[str, str | None]) -> tuple[dict[str, str], Any]:
    """Has one fax for each text print it under the key; gives the texts by id, and the fault that does so."""
    faxes = more(started.provider, len(texts), seed=3)
    marks = {f"{key}-mark-{at}-" if key != "cost" else 880_000_000 + at: text for at, text in enumerate(texts)}
    started.served.fake.add(*(fax | {key: mark, "is_test": False} for fax, mark in zip(faxes, marks, strict=True)))

    def replaced(body: bytes) -> bytes:
        for mark, text in marks.items():
            body = body.replace(f'"{key}":{json.dumps(mark)}'.encode(), f'"{key}":{text}'.encode())
        return body

    return {str(fax["id"]): text for fax, text in zip(faxes, texts, strict=True)}, raw(replaced)


def test_a_cost_is_held_exactly_or_kept_as_a_problem(trial: StartTrial) -> None:
    started = trial("phaxio")
    printed, fault = printed_as(started, "cost", COSTS)
    truth = started.served.fake.truth()
    for fax in truth:
        cents = COSTS[printed[fax["id"]]] if fax["id"] in printed else None
        if fax["id"] in printed:
            fax["cost_usd"] = None if cents is None else Decimal(cents) / 100
            fax["price_currency"] = None if cents is None else "USD"
    with broken(started.served, fault):
        assert started.sync().exit_code == 0
    started.holds(truth)

    misfits = [text for text, cents in COSTS.items() if cents is None or text in ROUNDED]
    kept = [original for column, original in problems(started.place, "phaxio") if column == "cost"]
    unreadable = {"NaN", "Infinity", "-Infinity", "1e400", "-1e400", DIGITS}  # kept as the text that they are
    assert sorted(json.dumps(text) if text in unreadable else text for text in misfits) == sorted(kept)

    before = content(started.place, "phaxio")
    with broken(started.served, fault):
        assert started.sync().exit_code == 0
    assert before == content(started.place, "phaxio")
    started.recovers()


@pytest.mark.parametrize("provider", ["phaxio", "signalwire"])
def test_a_text_is_held_exactly_or_kept_as_a_problem_and_never_told(provider: str, trial: StartTrial) -> None:
    started = trial(provider)
    printed, fault = printed_as(started, "error_message", TEXTS)
    truth = started.served.fake.truth()
    for fax in truth:
        if fax["id"] in printed:
            fax["error_message"] = TEXTS[printed[fax["id"]]]
    with broken(started.served, fault):
        synced = started.sync("--verbose")
    held = {fax["id"]: fax["error_message"] for fax in truth if fax["id"] in printed}

    assert (synced.exit_code, "\x1b" in synced.told, "drop table" in synced.told) == (0, False, False)
    assert held == dict(rows(started.place, "select id, error_message from fax.faxes where id = any(?)", list(held)))
    kept = {original for column, original in problems(started.place, provider) if column == "error_message"}
    assert sorted(json.dumps(json.loads(text)) for text, told in TEXTS.items() if told is None) == sorted(
        json.dumps(json.loads(original)) for original in kept
    )
    started.recovers()


def test_an_id_printed_as_text_is_the_same_fax(trial: StartTrial) -> None:
    started = trial("phaxio")
    as_text = bent(lambda page: page | {"data": [fax | {"id": str(fax["id"])} for fax in page["data"]]})
    started.survives(as_text)
    started.survives(bent(lambda page: page, lambda number: number % 2 == 0))
    started.survives(as_text)
    started.recovers()


@pytest.mark.parametrize("provider", ["phaxio", "signalwire"])
def test_a_feed_whose_ids_become_objects_changes_no_row_and_is_kept_whole(provider: str, trial: StartTrial) -> None:
    started = trial(provider)
    table = "faxes" if provider == "phaxio" else "fax_logs"
    before = content(started.place, provider)[table]
    lists = bent(lambda page: page | {"data": [fax | {"id": [fax["id"]]} for fax in page["data"]]})
    with broken(started.served, lists):
        synced = started.sync("--refetch", "--since", "2010-01-01")

    assert synced.exit_code in (0, 65)
    assert before == content(started.place, provider)[table]
    kept = {json.loads(original)["id"][0] for _, original in problems(started.place, provider)}
    assert synced.exit_code == 65 or kept == set(started.served.fake.records)
    started.recovers()


@pytest.mark.parametrize("depth", [499, 501, 900, 100_000])
def test_deep_nesting_is_kept_in_full_and_stops_nothing(depth: int, trial: StartTrial) -> None:
    started = trial("phaxio")
    deep = b"[" * depth + b"]" * depth
    id = max(started.served.fake.records)
    started.served.fake.change(id, meta="deep-mark")
    with broken(started.served, raw(lambda body: body.replace(b'"deep-mark"', deep))):
        assert started.sync().exit_code == 0
    started.holds(started.served.fake.truth())

    ((held,),) = rows(started.place, "select cast(meta as text) from fax_phaxio.faxes where id = ?", id)
    assert depth == held.count("[")
    started.recovers()


def test_one_id_at_both_providers_is_two_faxes(trial: StartTrial) -> None:
    (log,) = more("signalwire", 1)
    phaxio = trial("phaxio")
    twin = max(phaxio.served.fake.records)
    signalwire = trial("signalwire")
    signalwire.served.fake.add(log | {"id": str(twin)})
    signalwire.recovers()
    phaxio.holds(phaxio.served.fake.truth())

    assert rows(phaxio.place, "select provider from fax.faxes where id = ? order by provider", str(twin)) == [
        ("phaxio",),
        ("signalwire",),
    ]
