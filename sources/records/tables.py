"""Turns records into rows of Arrow tables: declared columns, child tables, and new fields as JSON."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

import pyarrow as pa

from sources.records.arrow import ARROW_TYPES, proper_columns, to_arrow
from sources.records.coerce import as_json
from sources.records.record import Placed, Problem
from sources.records.rows import UNDECLARED, Rows
from sources.records.schema import ChildTable, Column, Record, Table

Fixed = Mapping[str, pa.Array]


def to_rows(table: Table, account: str, faxes: Sequence[Placed]) -> Rows:
    """The rows of these faxes in order, with the misfits."""
    records = [fax.record for fax in faxes]
    fixed = {
        "account": pa.repeat(pa.scalar(account), len(faxes)),
        "_dlt_id": pa.array([fax.fingerprint for fax in faxes], pa.string()),
        UNDECLARED: _new_fields(records, (*(c.name for c in table.columns), *(c.source for c in table.children))),
    }
    problems: list[Problem] = []
    tables = {table.name: _build(table.name, table.columns, records, faxes, fixed, problems)}
    for child in table.children:
        tables[child.name] = _build_child(table, child, account, faxes, problems)
    return Rows(tables, {fax.fingerprint: fax for fax in faxes if table.is_stub(fax.record)}, problems)


def _build_child(
    table: Table, child: ChildTable, account: str, faxes: Sequence[Placed], problems: list[Problem]
) -> pa.Table:
    rows: list[Record] = []
    parents: list[Placed] = []
    positions: list[int] = []
    for fax in faxes:
        value = fax.record.get(child.source)
        try:
            elements = child.rows(value)
            if not elements and _requires_row(child, fax.record):
                raise ValueError("expected at least one for this fax")
        except ValueError as reason:
            problems.append(Problem(table.name, fax.id, child.source, value, str(reason), fax.fingerprint))
            continue
        if elements:
            rows += elements
            parents += [fax] * len(elements)
            positions += range(len(elements))
    ids = [f"{fax.fingerprint}.{position}" for fax, position in zip(parents, positions, strict=True)]
    fixed = {
        "account": pa.repeat(pa.scalar(account), len(rows)),
        child.parent_id: pa.array([fax.id for fax in parents], ARROW_TYPES[table.id_type]),
        "position": pa.array(positions, pa.int64()),
        "_dlt_parent_id": pa.array([fax.fingerprint for fax in parents], pa.string()),
        "_dlt_id": pa.array(ids, pa.string()),
        UNDECLARED: _new_fields(rows, [column.name for column in child.columns]),
    }
    return _build(child.name, child.columns, rows, parents, fixed, problems)


def _requires_row(child: ChildTable, record: Record) -> bool:
    """A record without rows must have one. A condition with `is_not` is on the value itself, which has none."""
    return bool(child.required_if) and all(
        not condition.is_not and record.get(condition.column) in condition.texts for condition in child.required_if
    )


def _build(
    name: str,
    columns: Sequence[Column],
    records: Sequence[Record],
    faxes: Sequence[Placed],
    fixed: Fixed,
    problems: list[Problem],
) -> pa.Table:
    """The fixed columns, then the declared ones; `records[i]` belongs to `faxes[i]`."""
    arrays = dict(fixed)
    if records and (proper := proper_columns(records, columns)):
        return pa.table(arrays | proper)
    for column in columns:
        values = [record.get(column.name) for record in records]
        arrays[column.name], misfits = to_arrow(values, column.data_type)
        for row, reason in misfits.items():
            fax = faxes[row]
            problems.append(Problem(name, fax.id, column.name, values[row], reason, fax.fingerprint))
    return pa.table(arrays)


def _new_fields(records: Sequence[Record], declared: Iterable[str]) -> pa.Array:
    """Each record's new fields as a JSON object; null without any."""
    keys = set(chain.from_iterable(records)).difference(declared)
    if not keys:
        return pa.nulls(len(records), pa.string())
    new_fields = ({key: record[key] for key in record.keys() & keys} for record in records)
    return pa.array([as_json(fields) if fields else None for fields in new_fields], pa.string())
