"""Records that only mark a fax as deleted: what is known of the fax is kept, and the mark is added."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from sources.columns import Column, DataType, Table
from sources.fitting import as_json, fit
from sources.learnt import Learnt
from sources.records import Placed
from sources.run import Stored
from sources.values import ARROW_TYPES

Rows = list[dict[str, Any]]


def marked_tables(table: Table, stubs: Sequence[Placed], stored: Stored, learnt: Learnt) -> dict[str, pa.Table]:
    """Table name -> the stored rows of these faxes and their children, as new versions that carry the mark.

    Faxes that are not stored are left out: their stub is all that is known, and is loaded like any record.
    """
    marks = {stub.id: stub for stub in stubs}
    faxes = stored.rows(table.name, "id", marks)
    held = [row["_dlt_id"] for row in faxes]
    for row in faxes:
        stub = marks[row["id"]]
        row["_dlt_id"] = stub.fingerprint
        row[table.stub or ""] = fit(stub.record[table.stub or ""], "timestamp")
    tables = {table.name: _to_arrow(faxes, table.columns, learnt.types.get(table.name, {}), {"_dlt_id": pa.string()})}
    for child in table.children:
        rows = stored.rows(child.name, "_dlt_parent_id", held)
        for row in rows:
            row["_dlt_parent_id"] = marks[row[child.parent_id]].fingerprint
            row["_dlt_id"] = f"{row['_dlt_parent_id']}.{row['position']}"
        tables[child.name] = _to_arrow(
            rows,
            child.columns,
            learnt.types.get(child.name, {}),
            {
                child.parent_id: ARROW_TYPES[table.id_type],
                "position": pa.int64(),
                "_dlt_parent_id": pa.string(),
                "_dlt_id": pa.string(),
            },
        )
    return tables


def _to_arrow(
    rows: Rows, columns: Iterable[Column], learnt: Mapping[str, DataType], fixed: Mapping[str, pa.DataType]
) -> pa.Table:
    types: dict[str, DataType] = {column.name: column.data_type for column in columns} | dict(learnt)
    for name in [name for name, data_type in types.items() if data_type == "json"]:
        for row in rows:
            if not isinstance(row[name], str | None):
                row[name] = as_json(row[name])  # PostgreSQL's driver hands JSON over already read
    arrow_types = {name: ARROW_TYPES[data_type] for name, data_type in types.items()}
    learnt_json = {name: "json" for name in learnt if learnt[name] == "json"}
    return pa.Table.from_pylist(rows, schema=pa.schema({"account": pa.string(), **arrow_types, **fixed}, learnt_json))
