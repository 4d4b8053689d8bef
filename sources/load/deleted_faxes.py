"""Records that only mark a fax as deleted: what is known of the fax is kept, and the mark is added."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import orjson
import pyarrow as pa

from sources.load.stored import Stored
from sources.records.arrow import ARROW_TYPES
from sources.records.coerce import as_json, coerce
from sources.records.new_fields import NewFields
from sources.records.privacy import Privacy
from sources.records.record import Placed
from sources.records.schema import Column, DataType, Table

Rows = list[dict[str, Any]]


def mark_deleted(
    table: Table, stubs: Sequence[Placed], stored: Stored, new_fields: NewFields, privacy: Privacy
) -> dict[str, pa.Table]:
    """Table name -> the stored rows of these faxes and their children, as new versions that carry the mark.

    A row that was stored under other settings of `privacy` becomes what it would be now.

    Faxes that are not stored are left out: their stub is all that is known, and is loaded like any record.
    """
    by_id = {stub.id: stub for stub in stubs}
    faxes = stored.rows(table.name, "id", by_id)
    held = [row["_dlt_id"] for row in faxes]
    for row in faxes:
        stub = by_id[row["id"]]
        row["_dlt_id"] = stub.fingerprint
        row[table.stub or ""] = coerce(stub.record[table.stub or ""], "timestamp")
    to_arrow = partial(_to_arrow, privacy)
    tables = {
        table.name: to_arrow(faxes, table.columns, new_fields.types.get(table.name, {}), {"_dlt_id": pa.string()})
    }
    for child in table.children:
        rows = stored.rows(child.name, "_dlt_parent_id", held)
        for row in rows:
            row["_dlt_parent_id"] = by_id[row[child.parent_id]].fingerprint
            row["_dlt_id"] = f"{row['_dlt_parent_id']}.{row['position']}"
        tables[child.name] = to_arrow(
            rows,
            child.columns,
            new_fields.types.get(child.name, {}),
            {
                child.parent_id: ARROW_TYPES[table.id_type],
                "position": pa.int64(),
                "_dlt_parent_id": pa.string(),
                "_dlt_id": pa.string(),
            },
        )
    return tables


def _to_arrow(
    privacy: Privacy,
    rows: Rows,
    columns: Iterable[Column],
    new_fields: Mapping[str, DataType],
    fixed: Mapping[str, pa.DataType],
) -> pa.Table:
    declared = {column.name: column for column in columns}
    types: dict[str, DataType] = {name: column.data_type for name, column in declared.items()} | dict(new_fields)
    jsons = [name for name, data_type in types.items() if data_type == "json"]
    for row in rows:
        row.update({name: _read(row[name]) for name in jsons})
        if privacy.phone_numbers != "keep":
            row.update(privacy.fields({name: row[name] for name in types}, declared))
        row.update({name: as_json(row[name]) for name in jsons if row[name] is not None})
    arrow_types = {name: ARROW_TYPES[data_type] for name, data_type in types.items()}
    new_json = {name: "json" for name in new_fields if new_fields[name] == "json"}
    return pa.Table.from_pylist(rows, schema=pa.schema({"account": pa.string(), **arrow_types, **fixed}, new_json))


def _read(json: Any) -> Any:
    """A value of a JSON column; DuckDB's driver hands it over as text, PostgreSQL's already read."""
    try:
        return orjson.loads(json) if isinstance(json, str) else json
    except orjson.JSONDecodeError:
        return json
