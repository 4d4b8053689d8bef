"""Canaries: a phone number and a name that are planted in every field, and the search for them in a warehouse."""

import json
import re
from pathlib import Path
from typing import Any

from dlt.common.versioned_state import decompress_state

from tests.support.warehouse.rows import named_rows, reading, rows

NUMBER, NAME = "+14157770123", "Canary McBird"
FORMS = (
    NUMBER,
    f"call {NUMBER}, please",
    "4157770123",
    "from (415) 777-0123 or 1.415.777.0123",
    "sip:4157770123@pbx.example.com",
    "tel:+1-415-777-0123;ext=9",
)
TRACES = re.compile(rf"777\D{{0,3}}0123|{NAME}|mcbird", re.IGNORECASE)
EXACT = {"id", "created_at", "createTime"}  # what a fax is told apart by, and sorted by


def planted(record: dict[str, Any], turn: int) -> dict[str, Any]:
    """The record with the number in each of its texts, in several forms, and in new fields."""
    treated: dict[str, Any] = _planted(record, turn)
    extra = {
        "callback": FORMS[turn % len(FORMS)],
        "callback_digits": 4157770123,
        "nested": {"to": [{"who": NUMBER, NUMBER: "as a name"}, 14157770123, 4157770123.0]},
        NUMBER: "as a name",
        "Patient": {"first": NAME, "numbers": [NUMBER]},
    }
    return treated | (extra if turn % 2 else {})


def _planted(value: Any, turn: int) -> Any:
    if isinstance(value, dict):
        pairs = enumerate(value.items())
        return {key: inner if key in EXACT else _planted(inner, turn + place) for place, (key, inner) in pairs}
    if isinstance(value, list):
        return [_planted(inner, turn) for inner in value]
    return FORMS[turn % len(FORMS)] if value is None or isinstance(value, str) else value


def traces(warehouse: Path) -> set[str]:
    """The tables, also dlt's, and the places in the file that contain the number or the name."""
    found = {"bytes"} if TRACES.search(warehouse.read_bytes().decode("latin-1")) else set()
    tables = (
        "select schema_name || '.' || table_name from duckdb_tables() union all "
        "select schema_name || '.' || view_name from duckdb_views() where not internal"
    )
    with reading(warehouse) as connection:
        for (table,) in rows(connection, tables):
            text = json.dumps(named_rows(connection, f"select * from {table}"), default=str)
            found |= {table} if TRACES.search(text) else set()
            if table.endswith("._dlt_pipeline_state"):
                states = rows(connection, f"select state from {table}")
                found |= {"state"} if any(TRACES.search(str(decompress_state(state))) for (state,) in states) else set()
    return found
