"""Coerces the values of records into typed Arrow columns; a misfit becomes null or is rounded, and is reported."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pyarrow as pa

from sources.records.coerce import Rounded, coerce
from sources.records.schema import MONEY_PRECISION, MONEY_SCALE, Column, DataType, Record
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
Misfits = dict[int, str]  # row -> why its value does not fit, or was rounded

# The type in which Arrow reads values before it casts them to the column's: it refuses values of other types.
# Integers are read as decimals, because Arrow would truncate fractions.
_READ_AS: dict[DataType, pa.DataType] = {
    "text": pa.string(),
    "bigint": pa.decimal128(19, 0),
    "bool": pa.bool_(),
    "timestamp": pa.string(),
}
_FIRST_MICROSECOND, _LAST_MICROSECOND = (
    (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) for at in (FIRST_INSTANT, LAST_INSTANT)
)
_REFUSED = (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, UnicodeEncodeError, orjson.JSONEncodeError)


def arrow_schema(columns: Iterable[Column]) -> pa.Schema:
    """The columns, each in its Arrow type."""
    return pa.schema([(column.name, ARROW_TYPES[column.data_type]) for column in columns])


def to_arrow(values: list[Any], data_type: DataType) -> tuple[pa.Array, Misfits]:
    """The values as one Arrow array of the column's type, and the misfits, which the array holds as null or rounded.

    A column without misfits is converted at once; only a column with one is converted value by value.
    """
    kinds = set(map(type, values)) - {type(None)}
    if not kinds:
        return pa.nulls(len(values), ARROW_TYPES[data_type]), {}
    try:
        if data_type in _READ_AS:
            return _cast(pa.array(values, _READ_AS[data_type]), data_type), {}
        if data_type == "double" and kinds == {float}:
            return _finite(pa.array(values, pa.float64())), {}
        if data_type == "decimal" and kinds <= {int, float}:
            return _money(pa.array(values, pa.float64())), {}
        if data_type == "json":
            return _json(values), {}
    except _REFUSED:
        pass  # a value does not fit: find out which
    return _convert_one_by_one(values, data_type)


def proper_columns(records: Sequence[Record], columns: Sequence[Column]) -> dict[str, pa.Array] | None:
    """All columns of the records by name, several times faster than one by one; None if a value does not fit."""
    read = [column for column in columns if column.data_type in _READ_AS]
    arrays: dict[str, pa.Array] = {}
    try:
        struct = pa.array(records, pa.struct([(column.name, _READ_AS[column.data_type]) for column in read]))
        for column, array in zip(read, struct.flatten(), strict=True):
            arrays[column.name] = _cast(array, column.data_type)
    except _REFUSED:
        return None
    for column in columns:
        if column.name not in arrays:
            arrays[column.name], misfits = to_arrow([record.get(column.name) for record in records], column.data_type)
            if misfits:
                return None
    return {column.name: arrays[column.name] for column in columns}


def infer_type(values: Sequence[Any]) -> DataType | None:
    """The data type of a new field, from the values of its first page; None if all are null."""
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


def _cast(read: pa.Array, data_type: DataType) -> pa.Array:
    """The array cast to the column's type.

    Raises:
        pa.ArrowInvalid: the column cannot hold one of the values.
    """
    if data_type == "text":
        return _require(read, b"\0" not in _characters(read))
    column = read.cast(ARROW_TYPES[data_type])
    if data_type == "timestamp" and column.null_count < len(column):
        import pyarrow.compute as pc  # noqa: PLC0415  # a run with nothing new converts nothing

        found = pc.min_max(column.view(pa.int64())).as_py()
        return _require(column, found["min"] >= _FIRST_MICROSECOND and found["max"] <= _LAST_MICROSECOND)
    return column


def _json(values: list[Any]) -> pa.Array:
    # Decoded at once: each bytes object of orjson takes a kilobyte.
    texts = [None if value is None else orjson.dumps(value).decode() for value in values]
    read = pa.array(texts, pa.string())
    return _require(read, b"\\u0000" not in _characters(read))


def _money(read: pa.Array) -> pa.Array:
    text = read.cast(pa.string())
    # Below 0.000001 Arrow writes an exponent, and of those below 1e-28 its cast takes some for 0.
    return _require(text.cast(ARROW_TYPES["decimal"]), b"e-" not in _characters(text))


def _characters(text: pa.Array) -> bytes:
    """The bytes of all texts of an array."""
    buffer = text.buffers()[2]
    return buffer.to_pybytes() if buffer else b""


def _finite(column: pa.Array) -> pa.Array:
    import pyarrow.compute as pc  # noqa: PLC0415  # as above

    return _require(column, pc.all(pc.is_finite(column)).as_py())


def _require(column: pa.Array, claim: bool) -> pa.Array:
    if not claim:
        raise pa.ArrowInvalid("a value that this column cannot hold")
    return column


def _convert_one_by_one(values: list[Any], data_type: DataType) -> tuple[pa.Array, Misfits]:
    fitted, misfits = [], {}
    for row, value in enumerate(values):
        try:
            fitted.append(coerce(value, data_type))
        except Rounded as reason:
            fitted.append(reason.held)
            misfits[row] = str(reason)
        except ValueError as reason:
            fitted.append(None)
            misfits[row] = str(reason)
    return pa.array(fitted, ARROW_TYPES[data_type]), misfits
