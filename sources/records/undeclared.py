"""Adds the new fields of records to their tables as columns."""

import json
from collections.abc import Sequence
from itertools import chain
from typing import Any

import pyarrow as pa

from sources.records.arrow import to_arrow
from sources.records.new_fields import NewFields
from sources.records.record import Problem
from sources.records.rows import UNDECLARED, Rows
from sources.records.schema import Record, Table

FaxKey = tuple[str, str]  # the columns that hold a fax's id and its fingerprint


def with_new_fields(table: Table, rows: Rows, new_fields: NewFields) -> dict[str, pa.Table]:
    """Table name -> the rows with their new fields as columns. Adds the misfits to `new_fields.problems`."""
    new_fields.problems += rows.problems
    keys: dict[str, FaxKey] = {child.name: (child.parent_id, "_dlt_parent_id") for child in table.children}
    keys[table.name] = ("id", "_dlt_id")
    return {name: _with_columns(name, part, keys[name], new_fields) for name, part in rows.tables.items()}


def _with_columns(name: str, rows: pa.Table, fax_key: FaxKey, new_fields: NewFields) -> pa.Table:
    undeclared, rows = rows[UNDECLARED], rows.drop_columns([UNDECLARED])
    if undeclared.null_count == rows.num_rows:
        return rows
    records: list[Record] = [json.loads(text) if text else {} for text in undeclared.to_pylist()]
    faxes = [rows[column].to_pylist() for column in fax_key]
    new_json: dict[str, str] = {}  # Arrow's type for JSON is text; the metadata names the type for dlt
    keys = sorted(set(chain.from_iterable(records)))
    names = new_fields.name_columns(name, keys, frozenset(rows.column_names))
    for key in keys:
        values = [record.get(key) for record in records]
        if key not in names:
            reasons = {row: "no free column name for this key" for row, value in enumerate(values) if value is not None}
        elif data_type := new_fields.type_of(name, names[key], values):
            array, reasons = to_arrow(values, data_type)
            rows = rows.append_column(names[key], array)
            new_json |= {names[key]: "json"} if data_type == "json" else {}
        else:
            continue
        new_fields.problems += _problems(name, key, values, faxes, reasons)
    return rows.replace_schema_metadata(new_json)


def _problems(
    table: str, key: str, values: Sequence[Any], faxes: Sequence[list[Any]], reasons: dict[int, str]
) -> list[Problem]:
    ids, fingerprints = faxes
    return [Problem(table, ids[row], key, values[row], reason, fingerprints[row]) for row, reason in reasons.items()]
