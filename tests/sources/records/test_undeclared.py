"""Fields that nobody declared, on their way from a record to a column: exact, or told."""

import json
from typing import Any

import pytest
from dlt.common.normalizers.naming.snake_case import NamingConvention

from sources.phaxio.columns import FAXES
from sources.records.new_fields import NewFields
from sources.records.record import place
from sources.records.tables import to_rows
from sources.records.undeclared import with_new_fields
from tests.conftest import ServeFake, Sync, generated
from tests.support.warehouse.file_and_database import Warehouse as Place
from tests.support.warehouse.oracle import assert_holds
from tests.support.warehouse.rows import rows

CREATED = {"created_at": "2026-11-22T12:00:00Z", "status": "success"}


def test_a_field_that_nobody_declared_is_held_as_it_came_or_told() -> None:
    held = {"whole": 7, "large": 2**70, "empty": {}, "nested": {"a": [1, None, "é"]}, "_beyond": "x", "account": "z"}
    odd = {"lone": "\ud800", "nul": "a\0b"}
    records: list[dict[str, Any]] = [
        {"id": 1, **CREATED},
        {"id": 2, **CREATED, **held, **odd, "recipients": [{"status": "success", "hops": 3, "position": "first"}]},
    ]
    learnt = NewFields({}, NamingConvention().normalize_identifier)
    rows = to_rows(FAXES, "default", [place(FAXES, "default", record) for record in records])
    tables = with_new_fields(FAXES, rows, learnt)

    plain, full = tables["faxes"].to_pylist()
    expected = {"whole": 7, "large": 2.0**70, "empty": "{}", "nested": '{"a":[1,null,"é"]}', "_beyond": "x"}
    assert {name: full[name] for name in expected} | {"account": full["x_account"]} == expected | {"account": "z"}
    assert {plain[name] for name in (*expected, "x_account", *odd)} == {None}
    assert {problem.column: problem.original for problem in learnt.problems} == odd
    (call,) = tables["fax_recipients"].to_pylist()
    assert (call["hops"], call["x_position"], call["position"]) == (3, "first", 0)


def test_of_two_fields_that_want_one_column_it_keeps_the_one_of_its_name() -> None:
    records: list[dict[str, Any]] = [
        {"id": 1, **CREATED, "call_kind": "its own"},
        {"id": 2, **CREATED, "callKind": "another", "call_kind": "its own"},
    ]
    learnt = NewFields({}, NamingConvention().normalize_identifier)
    rows = to_rows(FAXES, "default", [place(FAXES, "default", record) for record in records])
    tables = with_new_fields(FAXES, rows, learnt)

    assert tables["faxes"]["call_kind"].to_pylist() == ["its own", "its own"]
    assert [(problem.column, problem.original) for problem in learnt.problems] == [("callKind", "another")]


ODD_NAMES = (
    "account",
    "numPages",
    "_dlt_load_id",
    "_dlt_id",
    "",
    " ",
    "ID",
    "id ",
    "select",
    'a"b',
    "a.b",
    "é",
    "x" * 300,
)


@pytest.mark.slow
def test_a_field_by_any_name_leaves_the_columns_that_are_there_as_they_are(
    serve_fake: ServeFake, sync: Sync, place: Place
) -> None:
    fax = generated("phaxio", 1)[0] | {"num_pages": 2}
    served = serve_fake("phaxio", [fax | {name: f"value {number}" for number, name in enumerate(ODD_NAMES)}])
    first, again = sync(), sync()

    assert (first.exit_code, again.exit_code, again.accounts["phaxio"]["changed"]) == (0, 0, 0), first.told
    assert_holds(place, "phaxio", served.fake.truth())
    kept = "select account, id, num_pages, _dlt_load_id = 'value 2', _dlt_id = 'value 3' from fax_phaxio.faxes"
    assert rows(place, kept) == [("default", fax["id"], 2, False, False)]
    (row,) = rows(place, "select * from fax_phaxio.faxes")
    problems = rows(place, "select column_name, cast(original as varchar) from fax_phaxio.sync_problems")
    told = {name: json.loads(original) for name, original in problems}
    values = {name: f"value {number}" for number, name in enumerate(ODD_NAMES)}

    assert told == {name: value for name, value in values.items() if value not in row}
    assert told.keys() == {"", " ", "id ", "a.b"}  # which make no column name, or one that another field has taken
