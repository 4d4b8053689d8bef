"""Fields that nobody declared and values that no column holds: each is in its column or in `sync_problems`."""

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import sources
from sources.fakes.server import Answer, Request, json_answer
from tests.conftest import Query, Served, ServeFake, Sync, generated
from tests.support.tiers import quick_ones
from tests.support.warehouse.oracle import assert_holds, unsound
from tests.support.warehouse.rows import content, rows

Record = dict[str, Any]
UNDECLARED: dict[str, Record] = {
    "plain values": {"priority": 987654, "region": "us-east", "urgent": True, "ratio": 0.1},
    "nested values": {"meta": {"a": [1, {"b": None}]}, "marks": ["x", "y"], "none": {}},
    "names of ours": {"account": "acme", "_dlt_id": "their own", "_dlt_load_id": "theirs", "_dlt_parent_id": 987655},
    "names that become one": {"Order ID": "o-1", "order_id": "o-2", "orderId": "o-3", "ORDER-ID": "o-4"},
    "declared names in other case": {"Status": "s-1", "createdAt": "c-1", "ID": "i-1"},
    "names no database likes": {"日本": "n-3", "select": "n-4", 'a"; drop table x': "n-5", "../x": "n-6"},
    "a name without letters": {"": "e-1"},
    "a blank name": {" ": "e-2"},
    "a name of 300 letters": {"k" * 300: "l-1", "k" * 299 + "j": "l-2"},
    "300 names": {f"key_{number}": 700_000 + number for number in range(300)},
    "numbers beyond 64 bits": {"big": 2**63 + 1, "bigger": 10**30, "lowest": -(2**63) - 1},
    "texts no database holds": {"note": "a\0b", "deep": {"x": "a\0b"}},
    "names no text column holds": {"\ud800": "q-1", "a\0b": "q-2", "\udfff\0": {"x": 1}},
    "a lone surrogate": {"note": "\ud800 alone", "deep": {"x": "\udfff"}},
}


def held_values(warehouse: Path, schema: str, table: str) -> Iterator[Any]:
    """Every value of a table, and of `sync_problems` every original."""
    for row in rows(warehouse, f"select * from {schema}.{table}"):
        yield from row
    for (original,) in rows(warehouse, f"select original from {schema}.sync_problems"):
        yield json.loads(original)


def lost(values: list[Any], held: list[Any]) -> list[Any]:
    """The values that are held neither as they are nor as JSON text."""
    told = [*held, *(json.loads(text) for text in held if isinstance(text, str) and text[:1] in '[{"')]
    return [value for value in values if not any(type(value) is type(one) and value == one for one in told)]


def sayable(fields: Record) -> Record:
    """The fields with a private letter for each lone surrogate, which the fake cannot print."""
    return dict(json.loads(json.dumps(fields).replace("\\ud800", "\\ue000").replace("\\udfff", "\\ue001")))


def say_surrogates(served: Served) -> None:
    """Has the server print those letters as the escapes that alone can carry a lone surrogate."""
    honest = served.server.answer

    def answer(request: Request) -> Answer:
        body = honest(request).body
        return json_answer(body.replace("\ue000".encode(), b"\\ud800").replace("\ue001".encode(), b"\\udfff"))

    served.server.answer = answer


def sent(fax: Record, *recipients: Record) -> Record:
    return fax | {"direction": "sent", "from_number": None, "to_number": None, "recipients": list(recipients)}


CASES = [
    *(("phaxio", name) for name in UNDECLARED),
    *(("signalwire", name) for name in ("plain values", "nested values", "names of ours")),
]
QUICK = [("phaxio", "nested values"), ("phaxio", "names that become one"), ("signalwire", "plain values")]


@pytest.mark.slow
@pytest.mark.parametrize(("provider", "name"), quick_ones(CASES, QUICK))
def test_undeclared_fields_lose_no_value_and_write_nothing_again(
    provider: str, name: str, serve_fake: ServeFake, sync: Sync, warehouse: Path
) -> None:
    first, *rest = generated(provider, 4, days=2)
    served = serve_fake(provider, [first | sayable(UNDECLARED[name]), *rest])
    say_surrogates(served)
    table = sources.provider(provider).TABLE.name

    assert sync().exit_code == 0
    assert_holds(warehouse, provider, served.fake.truth())
    assert lost(list(UNDECLARED[name].values()), list(held_values(warehouse, f"fax_{provider}", table))) == []

    before = content(warehouse, provider)

    assert sync().exit_code == 0
    assert before == content(warehouse, provider)


def test_undeclared_fields_of_a_recipient_lose_no_value(serve_fake: ServeFake, sync: Sync, warehouse: Path) -> None:
    station = {"station": "FAX 9", "fax_id": 987651, "position": 987652, "_dlt_id": "own", "account": "theirs"}
    (fax,) = generated("phaxio", 1, days=1)
    call = {"phone_number": "+12025550100", "status": "success", **station, "line": {"a": 1}}
    served = serve_fake("phaxio", [sent(fax, call, {"phone_number": "+12025550101", "status": None})])

    assert sync().exit_code == 0
    assert_holds(warehouse, "phaxio", served.fake.truth())
    assert lost([*station.values(), {"a": 1}], list(held_values(warehouse, "fax_phaxio", "fax_recipients"))) == []


def test_a_type_that_flips_leaves_the_column_and_keeps_the_original(
    serve_fake: ServeFake, sync: Sync, query: Query, warehouse: Path
) -> None:
    (fax,) = generated("phaxio", 1, days=1)
    served = serve_fake("phaxio", [fax])
    weights = []
    for weight in (1, "heavy", {"kg": 3}, "5"):
        served.fake.change(fax["id"], weight=weight)

        assert sync().exit_code == 0
        weights += query("select weight from fax_phaxio.faxes")

    assert weights == [(1,), (None,), (None,), (5,)]
    assert query("select original from fax_phaxio.sync_problems where column_name = 'weight' order by seen_at") == [
        ('"heavy"',),
        ('{"kg":3}',),
    ]
    assert list(unsound(warehouse, "fax_phaxio")) == []


@pytest.mark.slow
def test_a_learnt_json_column_stays_json(serve_fake: ServeFake, sync: Sync, query: Query) -> None:
    (fax,) = generated("phaxio", 1, days=1)
    served = serve_fake("phaxio", [fax])
    sql = "select data_type from information_schema.columns where table_schema = 'fax_phaxio' and column_name = 'meta'"
    held = []
    for meta in ({"a": 1}, "plain", None):
        served.fake.change(fax["id"], meta=meta)

        assert sync().exit_code == 0
        held += [
            (*kind, *text) for kind, text in zip(query(sql), query("select meta from fax_phaxio.faxes"), strict=True)
        ]

    assert held == [("JSON", '{"a":1}'), ("JSON", '"plain"'), ("JSON", None)]


EXACT = ((7, "0.07"), ("7", "0.07"), (7.5, "0.075"), (-7, "-0.07"), (0.1 + 0.2, "0.003"), (0, "0"), (None, None))
ODD = ("free", True, {"usd": 7}, [7], 10**30, "NaN", "")
ROUNDED = ((1e-9, "0"), ("7.00000049", "0.07"))


@pytest.mark.slow
def test_every_cost_is_held_exactly_or_reported(serve_fake: ServeFake, sync: Sync, query: Query) -> None:
    faxes = generated("phaxio", len(EXACT) + len(ODD) + len(ROUNDED), days=1)
    costs = [*EXACT, *((cost, None) for cost in ODD), *ROUNDED]
    served = serve_fake("phaxio", [fax | {"cost": cost} for fax, (cost, _) in zip(faxes, costs, strict=True)])

    assert sync().exit_code == 0
    assert [usd and Decimal(usd) for _, usd in costs] == [
        usd for (usd,) in query("select cost_usd from fax.faxes order by id")
    ]
    reported = query("select column_name, original from fax_phaxio.sync_problems order by record_id")
    assert [("cost", cost) for cost in (*ODD, *(cost for cost, _ in ROUNDED))] == [
        (column, json.loads(original)) for column, original in reported
    ]
    assert len(costs) == len(served.fake.records)
