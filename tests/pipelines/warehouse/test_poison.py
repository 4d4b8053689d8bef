"""Names and values that one database takes and another refuses: either warehouse holds them, or tells them, alike."""

import json
from typing import Any

import pytest

from sources.records.new_fields import SYSTEM_COLUMNS
from tests.conftest import ServeFake, Sync, generated
from tests.support.warehouse.file_and_database import Warehouse
from tests.support.warehouse.oracle import assert_holds
from tests.support.warehouse.rows import rows

FIELDS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {  # what a fax says -> what its columns hold
    "system columns": (
        {name: f"their {name}" for name in SYSTEM_COLUMNS},
        {f"x_{name}": f"their {name}" for name in SYSTEM_COLUMNS},
    ),
    "system columns in capitals": ({"CTID": 7, "xMin": 8}, {"x_ctid": 7, "x_min": 8}),
    "digits of another script": ({"٣" * 60: "a", "no٣": "b"}, {"x" * 60: "a", "nox": "b"}),
    "names of a query's own": (
        {"filename": "f", "file_row_number": 5, "excluded": "e", "user": "u", "end": "z"},
        {"filename": "f", "file_row_number": 5, "excluded": "e", "user": "u", "end": "z"},
    ),
    "a line that ends a copy": ({"note": "one\n\\.\ntwo", "\\.": "\\."}, {"note": "one\n\\.\ntwo", "x": "\\."}),
    "a deep value": ({"deep": json.loads("[" * 200 + "]" * 200)}, {"deep": json.loads("[" * 200 + "]" * 200)}),
    "extreme numbers": ({"tiny": 5e-324, "huge": 1.7e308, "in": {"tiny": 5e-324, "huge": 1.7e308}}, {"tiny": 5e-324}),
}


QUICK = ("system columns",)


@pytest.mark.parametrize("name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in FIELDS])
def test_fields_that_a_database_might_refuse_are_held_alike(
    name: str, place: Warehouse, serve_fake: ServeFake, sync: Sync
) -> None:
    said, expected = FIELDS[name]
    first, *others = generated("phaxio", 4, days=2)
    served = serve_fake("phaxio", [first | said, *others])
    synced = sync()

    assert synced.exit_code == 0, synced.told
    assert_holds(place, "phaxio", served.fake.truth())
    listed = ", ".join(f'"{column}"' for column in expected)
    (row,) = rows(place, f"select {listed} from fax_phaxio.faxes where id = {first['id']}")
    held = dict(zip(expected, row, strict=True))
    assert {
        key: json.loads(value) if key == "deep" and isinstance(value, str) else value for key, value in held.items()
    } == expected
    assert sync().exit_code == 0


@pytest.mark.slow
def test_an_id_of_thousands_of_characters_is_told_and_the_others_are_loaded(
    place: Warehouse, serve_fake: ServeFake, sync: Sync
) -> None:
    first, *others = generated("signalwire", 6, days=2)
    odd = "".join(f"{number:x}-" for number in range(1200))
    served = serve_fake("signalwire", [first | {"id": odd}, *others])
    synced = sync()

    assert synced.exit_code == 0, synced.told
    assert_holds(place, "signalwire", [fax for fax in served.fake.truth() if fax["id"] != odd])
    told = rows(place, "select record_id, reason from fax_signalwire.sync_problems")
    assert told == [(odd, "an id of more than 255 characters")]


@pytest.mark.slow
def test_an_id_of_as_many_characters_as_may_be_is_held(place: Warehouse, serve_fake: ServeFake, sync: Sync) -> None:
    first, *others = generated("signalwire", 6, days=2)
    served = serve_fake("signalwire", [first | {"id": "".join(chr(0x1F600 + n % 80) for n in range(255))}, *others])

    assert sync().exit_code == 0
    assert_holds(place, "signalwire", served.fake.truth())


@pytest.mark.slow
def test_long_texts_of_a_split_off_table_are_held(place: Warehouse, serve_fake: ServeFake, sync: Sync) -> None:
    name, value = ("".join(f"{number:{kind}}-" for number in range(3000)) for kind in "xo")
    (fax,) = generated("phaxio", 1, days=1)
    served = serve_fake("phaxio", [fax | {"tags": {name: value}}])

    assert sync().exit_code == 0
    assert rows(place, "select name, value from fax.fax_tags") == [(name, value)]
    assert_holds(place, "phaxio", served.fake.truth())
