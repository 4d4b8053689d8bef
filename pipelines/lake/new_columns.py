"""Undeclared fields of all accounts of a batch as columns: the driver sees all their values before it names a type."""

from collections.abc import Callable, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from sources.load.stored import SYSTEM_COLUMNS
from sources.records.new_fields import Contract, NewFields
from sources.records.rows import UNDECLARED, Rows
from sources.records.schema import DataType, Table
from sources.records.undeclared import with_new_fields

Types = Mapping[str, Mapping[str, DataType]]


def with_columns(
    table: Table, staged: Mapping[str, pa.Table], known: Types, normalize: Callable[[str], str], contract: Contract
) -> tuple[dict[str, pa.Table], NewFields]:
    """The tables of faxes with a column for each new field, and what was found: `changes` and `problems`.

    `known` are the columns of the warehouse beyond those declared. Rows that a deletion has marked come with theirs.

    Raises:
        ContractError: a field is new, and the contract is to freeze.
    """
    new_fields = NewFields(known, normalize, contract, SYSTEM_COLUMNS)
    fresh, marked = {}, {}
    for name, rows in staged.items():
        says = pc.is_valid(rows[UNDECLARED])
        fresh[name] = rows.filter(says).drop_columns(
            [column for column in known.get(name, {}) if column in rows.column_names]
        )
        marked[name] = rows.filter(pc.invert(says)).drop_columns([UNDECLARED])
    completed = with_new_fields(table, Rows(fresh, {}, []), new_fields)
    return {name: _joined([marked[name], completed[name]]) for name in staged}, new_fields


def _joined(parts: Sequence[pa.Table]) -> pa.Table:
    return pa.concat_tables([part.replace_schema_metadata() for part in parts], promote_options="default")
