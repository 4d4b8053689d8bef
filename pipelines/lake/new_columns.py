"""Schema evolution of Delta tables: the driver infers the type of a new field from the values of all accounts."""

from collections.abc import Callable, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from sources.records.new_fields import Contract, NewFields
from sources.records.rows import UNDECLARED, Rows
from sources.records.schema import DataType, Table
from sources.records.undeclared import with_new_fields

Types = Mapping[str, Mapping[str, DataType]]


def add_new_columns(
    table: Table, staged: Mapping[str, pa.Table], known: Types, normalize: Callable[[str], str], contract: Contract
) -> tuple[dict[str, pa.Table], NewFields]:
    """The staged tables of faxes with a column for each new field, and the `changes` and `problems` found.

    `known` are the stored columns that are not declared. Tombstones already have these columns.

    Raises:
        ContractError: a field is new, and the contract is `freeze`.
    """
    new_fields = NewFields(known, normalize, contract)
    records, tombstones = {}, {}
    for name, rows in staged.items():
        is_record = pc.is_valid(rows[UNDECLARED])
        records[name] = rows.filter(is_record).drop_columns(
            [column for column in known.get(name, {}) if column in rows.column_names]
        )
        tombstones[name] = rows.filter(pc.invert(is_record)).drop_columns([UNDECLARED])
    completed = with_new_fields(table, Rows(records, {}, []), new_fields)
    # The records come first, so that the rows of `changes` are those of the result.
    return {name: _concatenate([completed[name], tombstones[name]]) for name in staged}, new_fields


def _concatenate(parts: Sequence[pa.Table]) -> pa.Table:
    return pa.concat_tables([part.replace_schema_metadata() for part in parts], promote_options="default")
