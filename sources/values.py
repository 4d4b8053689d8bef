"""Values of a record into typed Arrow columns, exactly: what does not fit becomes null and is reported, never bent."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from sources.columns import MONEY_PRECISION, MONEY_SCALE, DataType
from sources.fitting import fit
from sources.window import FIRST_INSTANT, LAST_INSTANT

ARROW_TYPES: dict[DataType, pa.DataType] = {
    "text": pa.string(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "bool": pa.bool_(),
    "timestamp": pa.timestamp("us", tz="UTC"),
    "decimal": pa.decimal128(MONEY_PRECISION, MONEY_SCALE),
    "json": pa.string(),
}
Misfits = dict[int, str]  # row -> why its value does not fit

_AT_ONCE: dict[DataType, frozenset[type]] = {
    "text": frozenset({str}),
    "bigint": frozenset({int}),
    "double": frozenset({float}),
    "bool": frozenset({bool}),
    "timestamp": frozenset({str}),
    "decimal": frozenset({int}),
    "json": frozenset(),
}


def to_arrow(values: list[Any], data_type: DataType) -> tuple[pa.Array, Misfits]:
    """The values as one Arrow array of the column's type, and the rows whose value is null because it does not fit.

    A page of proper values is converted at once; one odd value only costs its own column the slower way.
    """
    kinds = set(map(type, values)) - {type(None)}
    if not kinds:
        return pa.nulls(len(values), ARROW_TYPES[data_type]), {}
    if kinds <= _AT_ONCE[data_type]:
        try:
            return _convert_at_once(values, data_type), {}
        except (pa.ArrowInvalid, OverflowError, UnicodeEncodeError):
            pass  # some value is odd: find out which
    return _convert_one_by_one(values, data_type)


def infer_type(values: Sequence[Any]) -> DataType | None:
    """The data type of a column that nobody declared, from the values of its first page; None if all are null."""
    kinds = set(map(type, values)) - {type(None)}
    if not kinds:
        return None
    if kinds == {bool}:
        return "bool"
    if kinds == {int} and all(-(2**63) <= value < 2**63 for value in values if value is not None):
        return "bigint"
    if kinds <= {int, float}:
        return "double"
    return "text" if kinds <= {str, bool, int, float} else "json"


def _convert_at_once(values: list[Any], data_type: DataType) -> pa.Array:
    import pyarrow.compute as pc  # noqa: PLC0415  # a run with nothing new converts nothing

    if data_type == "decimal":
        return pa.array(values, pa.int64()).cast(pa.decimal128(38, MONEY_SCALE)).cast(ARROW_TYPES[data_type])
    if data_type == "double":
        column = pa.array(values, pa.float64())
        return _require(column, pc.all(pc.is_finite(column)))
    if data_type in ("bigint", "bool"):
        return pa.array(values, ARROW_TYPES[data_type])
    text = pa.array(values, pa.string())
    if data_type == "timestamp":
        column = text.cast(ARROW_TYPES[data_type])
        within = pc.and_(pc.greater_equal(column, FIRST_INSTANT), pc.less_equal(column, LAST_INSTANT))
        return _require(column, pc.all(within))
    return _require(text, pc.invert(pc.any(pc.match_substring(text, "\0"))))


def _require(column: pa.Array, claim: pa.BooleanScalar) -> pa.Array:
    if claim.as_py() is False:
        raise pa.ArrowInvalid("a value that this column cannot hold")
    return column


def _convert_one_by_one(values: list[Any], data_type: DataType) -> tuple[pa.Array, Misfits]:
    fitted, misfits = [], {}
    for row, value in enumerate(values):
        try:
            fitted.append(fit(value, data_type))
        except ValueError as reason:
            fitted.append(None)
            misfits[row] = str(reason)
    return pa.array(fitted, ARROW_TYPES[data_type]), misfits
