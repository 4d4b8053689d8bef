"""Values on their way into columns: each is held as it is, or reported; none is bent."""

import json
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sources.columns import Column, DataType
from sources.fitting import fit
from sources.values import infer_type, proper_columns, to_arrow

TYPES = get_args(DataType)
numbers = st.one_of(
    st.integers(),
    st.sampled_from([2**63, 2**63 - 1, -(2**63), -(2**63) - 1, 10**12, 10**12 - 1, 10**30, 2**53 + 1]),
    st.floats(allow_nan=False, allow_infinity=False),
    st.decimals(-1000, 1000, places=4).map(float),
)
texts = st.one_of(
    st.text(st.characters(codec=None)),
    numbers.map(str),
    st.datetimes().map(lambda at: at.isoformat() + "Z"),
    st.datetimes().map(lambda at: at.isoformat(timespec="milliseconds") + "-06:00"),
    st.sampled_from(
        ["", " 7 ", "true", "NaN", "Infinity", "1e400", "0x10", "1_000", "٣", "a\0b", "\ud800", "2024-02-30"]
    ),
    st.sampled_from(["9999-12-31T23:59:59-06:00", "2024-01-01", "2024-01-01T00:00:60Z", "0001-01-01T00:00:00+06:00"]),
)
scalars = st.one_of(st.none(), st.booleans(), numbers, texts)
values = st.recursive(
    scalars, lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)), max_leaves=5
)
columns_of_values = st.one_of(*(st.lists(some, min_size=1, max_size=8) for some in (numbers, texts, scalars, values)))


def is_kept(value: Any, held: Any, data_type: str) -> bool:
    """The column's value says the same as the provider's."""
    if data_type in ("bigint", "double", "decimal"):
        return is_same_number(value, held, data_type)
    if data_type == "timestamp":
        at = datetime.fromisoformat(value)
        return bool(held == (at if at.tzinfo else at.replace(tzinfo=UTC)))
    if data_type == "bool":
        return (value in (held, str(held).lower()) and not isinstance(value, int | float)) or value is held
    if data_type == "text" and isinstance(value, str):
        return bool(held == value)
    return bool(json.loads(held) == value)


def is_same_number(value: Any, held: Any, data_type: str) -> bool:
    number = Decimal(str(value).strip())
    if data_type == "double":
        return Decimal(repr(held)) == number or held == value
    noise = abs(number) * Decimal("1e-12") if isinstance(value, float) else 0  # what binary arithmetic adds
    return bool(abs(Decimal(held) - number) <= noise)


@pytest.mark.parametrize("data_type", TYPES)
@settings(deadline=None)
@given(page=columns_of_values)
def test_a_column_keeps_or_reports_every_value(data_type: DataType, page: list[Any]) -> None:
    array, misfits = to_arrow(page, data_type)

    for row, (value, held) in enumerate(zip(page, array.to_pylist(), strict=True)):
        if value is None or row in misfits:
            assert held is None, value
        else:
            assert is_kept(value, held, data_type), (value, held)


@settings(deadline=None)
@given(page=columns_of_values)
def test_a_column_that_nobody_declared_keeps_or_reports_every_value(page: list[Any]) -> None:
    data_type = infer_type(page)
    if data_type is None:
        assert {None} == set(page)
        return
    array, misfits = to_arrow(page, data_type)

    assert all(
        (value is None or row in misfits) if held is None else is_kept(value, held, data_type)
        for row, (value, held) in enumerate(zip(page, array.to_pylist(), strict=True))
    )


@pytest.mark.parametrize("data_type", TYPES)
@settings(deadline=None)
@given(page=st.one_of(st.lists(texts, min_size=2), st.lists(numbers, min_size=2)))
def test_a_page_is_held_as_its_values_are_one_by_one(data_type: DataType, page: list[Any]) -> None:
    array, misfits = to_arrow(page, data_type)

    assert array.to_pylist() == [fitted(value, data_type) for value in page]
    assert set(misfits) == {row for row, value in enumerate(page) if fitted(value, data_type) is None}


@pytest.mark.parametrize("data_type", TYPES)
@settings(deadline=None)
@given(page=columns_of_values)
def test_columns_converted_together_are_held_as_their_values_are_one_by_one(
    data_type: DataType, page: list[Any]
) -> None:
    together = proper_columns([{"value": value} for value in page], [Column("value", data_type, "")])

    if together is not None:
        assert together["value"].to_pylist() == [fit(value, data_type) for value in page]


def fitted(value: Any, data_type: DataType) -> Any:
    try:
        return fit(value, data_type)
    except ValueError:
        return None


@pytest.mark.parametrize("data_type", ["bigint", "decimal", "double"])
@settings(deadline=None)
@given(text=texts)
def test_a_text_that_is_no_number_is_never_taken_for_one(data_type: DataType, text: str) -> None:
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        number = None
    held = fitted(text, data_type)

    assert held is None or (number is not None and number.is_finite())


@pytest.mark.parametrize(
    ("value", "data_type"),
    [
        ("0.12345678901234567890", "double"),
        ("12345678901.1234567", "decimal"),
        (2**53 + 1, "double"),
        (True, "bigint"),
        (1, "bool"),
        (7.5, "bigint"),
        ("7.0000001", "decimal"),
    ],
)
def test_what_a_column_cannot_hold_exactly_is_reported(value: Any, data_type: DataType) -> None:
    with pytest.raises(ValueError, match=r"."):
        fit(value, data_type)
