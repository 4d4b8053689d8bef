"""Tombstones: a provider reports a deleted fax by a stub, a record with little more than the time of deletion.

The stored values of the fax are kept, and the time of deletion is added.
"""

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


def mark_deleted(
    table: Table, stubs: Sequence[Placed], stored: Stored, new_fields: NewFields, privacy: Privacy
) -> dict[str, pa.Table]:
    """Table name -> the stored rows of the deleted faxes and their child rows, as new versions with the tombstone.

    A row that was stored under other privacy settings is replaced according to the current ones. A fax that is not
    stored has no rows here: its stub is loaded like any record.
    """
    by_id = {stub.id: stub for stub in stubs}
    faxes = stored.rows(table.name, "id", by_id)
    stored_fingerprints = {row["_dlt_id"] for row in faxes}
    for row in faxes:
        stub = by_id[row["id"]]
        row["_dlt_id"] = stub.fingerprint
        row[table.stub or ""] = coerce(stub.record[table.stub or ""], "timestamp")
    to_arrow = partial(_to_arrow, privacy)
    tables = {
        table.name: to_arrow(faxes, table.columns, new_fields.types.get(table.name, {}), {"_dlt_id": pa.string()})
    }
    for child in table.children:
        found = stored.rows(child.name, child.parent_id, by_id)
        rows = [row for row in found if row["_dlt_parent_id"] in stored_fingerprints]
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
    rows: list[dict[str, Any]],
    columns: Iterable[Column],
    new_fields: Mapping[str, DataType],
    fixed: Mapping[str, pa.DataType],
) -> pa.Table:
    """The stored rows as an Arrow table. The `fixed` columns are those that every row of the table has."""
    declared = {column.name: column for column in columns}
    types: dict[str, DataType] = {name: column.data_type for name, column in declared.items()} | dict(new_fields)
    jsons = [name for name, data_type in types.items() if data_type == "json"]
    for row in rows:
        row.update({name: _parse_json(row[name]) for name in jsons if name in row})
        if privacy.phone_numbers != "keep":
            row.update(privacy.fields({name: row[name] for name in types if name in row}, declared))
        row.update({name: as_json(row[name]) for name in jsons if row.get(name) is not None})
    arrow_types = {name: ARROW_TYPES[data_type] for name, data_type in types.items()}
    new_json = {name: "json" for name in new_fields if new_fields[name] == "json"}
    return pa.Table.from_pylist(rows, schema=pa.schema({"account": pa.string(), **arrow_types, **fixed}, new_json))


def _parse_json(value: Any) -> Any:
    """The value of a JSON column: DuckDB's driver returns text, PostgreSQL's returns parsed JSON."""
    try:
        return orjson.loads(value) if isinstance(value, str) else value
    except orjson.JSONDecodeError:
        return value
