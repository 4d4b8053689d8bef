"""Records into the Arrow tables of the warehouse: declared columns, columns learnt on the way, children split off."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import pyarrow as pa

from sources.columns import ChildTable, Column, DataType, Record, Table
from sources.learnt import Learnt
from sources.records import Placed, Problem
from sources.values import ARROW_TYPES, to_arrow

Fixed = Mapping[str, pa.Array]


def to_tables(table: Table, account: str, faxes: Sequence[Placed], learnt: Learnt) -> dict[str, pa.Table]:
    """Table name -> Arrow table, for the table and its children; what did not fit is left in `learnt.problems`."""
    fixed = {
        "account": pa.repeat(pa.scalar(account), len(faxes)),
        "_dlt_id": pa.array([fax.fingerprint for fax in faxes], pa.string()),
    }
    records = [fax.record for fax in faxes]
    tables = {table.name: _build(table.name, table.columns, records, faxes, fixed, learnt, table.children)}
    for child in table.children:
        tables[child.name] = _split_off(table, child, account, faxes, learnt)
    return tables


def _split_off(table: Table, child: ChildTable, account: str, faxes: Sequence[Placed], learnt: Learnt) -> pa.Table:
    rows: list[Record] = []
    parents: list[Placed] = []
    positions: list[int] = []
    for fax in faxes:
        try:
            elements = child.rows(fax.record.get(child.source))
        except ValueError as reason:
            learnt.problems.append(_problem(table.name, fax, child.source, fax.record[child.source], str(reason)))
            continue
        rows += elements
        parents += [fax] * len(elements)
        positions += range(len(elements))
    fixed = {
        "account": pa.repeat(pa.scalar(account), len(rows)),
        child.parent_id: pa.array([fax.id for fax in parents], ARROW_TYPES[table.id_type]),
        "position": pa.array(positions, pa.int64()),
        "_dlt_parent_id": pa.array([fax.fingerprint for fax in parents], pa.string()),
        "_dlt_id": pa.array(_child_ids(parents, positions), pa.string()),
    }
    return _build(child.name, child.columns, rows, parents, fixed, learnt)


def _child_ids(parents: Sequence[Placed], positions: Sequence[int]) -> Iterator[str]:
    return (f"{fax.fingerprint}.{position}" for fax, position in zip(parents, positions, strict=True))


def _build(
    name: str,
    columns: Sequence[Column],
    records: Sequence[Record],
    faxes: Sequence[Placed],
    fixed: Fixed,
    learnt: Learnt,
    children: Sequence[ChildTable] = (),
) -> pa.Table:
    """The fixed columns, the declared ones, then those learnt; `faxes[i]` is where `records[i]` is from."""
    arrays = dict(fixed)
    for column in columns:
        values = [record.get(column.name) for record in records]
        arrays[column.name] = _fitted(name, column.name, values, column.data_type, faxes, learnt)
    known = frozenset(arrays).union(column.name for column in columns)
    undeclared = set(chain.from_iterable(records)) - {c.name for c in columns} - {c.source for c in children}
    names = learnt.name_columns(name, sorted(undeclared), known)
    learnt_json: dict[str, str] = {}  # to Arrow they are text: the metadata tells dlt
    for key in sorted(undeclared):
        values = [record.get(key) for record in records]
        if key not in names:
            learnt.problems += _left_out(name, key, values, faxes)
        elif data_type := learnt.type_of(name, names[key], values):
            arrays[names[key]] = _fitted(name, key, values, data_type, faxes, learnt)
            learnt_json |= {names[key]: "json"} if data_type == "json" else {}
    return pa.table(arrays, metadata=learnt_json)


def _fitted(
    table: str, key: str, values: list[Any], data_type: DataType, faxes: Sequence[Placed], learnt: Learnt
) -> pa.Array:
    array, misfits = to_arrow(values, data_type)
    learnt.problems += [_problem(table, faxes[row], key, values[row], reason) for row, reason in misfits.items()]
    return array


def _left_out(table: str, key: str, values: list[Any], faxes: Sequence[Placed]) -> list[Problem]:
    reason = "no free column name for this key"
    pairs = zip(faxes, values, strict=True)
    return [_problem(table, fax, key, value, reason) for fax, value in pairs if value is not None]


def _problem(table: str, fax: Placed, column: str, original: Any, reason: str) -> Problem:
    return Problem(table, fax.id, column, original, reason, fax.fingerprint)
