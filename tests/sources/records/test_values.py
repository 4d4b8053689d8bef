"""Values on their way into columns: each is held as it is, or reported; none is bent."""

import json
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, get_args

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sources.records.arrow import infer_type, proper_columns, to_arrow
from sources.records.coerce import Rounded, coerce
from sources.records.schema import Column, DataType
from tests.support.tiers import quick_ones

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
        return str(value).lower() in (("true", "1") if held else ("false", "0"))
    if data_type == "text" and isinstance(value, str):
        return bool(held == value)
    return bool(json.loads(held) == value)


def is_same_number(value: Any, held: Any, data_type: str) -> bool:
    number = Decimal(str(value).strip())
    if data_type == "double":
        return Decimal(repr(held)) == number or held == value
    noise = abs(number) * Decimal("1e-12") if isinstance(value, float) else 0  # what binary arithmetic adds
    return bool(abs(Decimal(held) - number) <= noise)


def is_nearest(value: Any, held: Decimal) -> bool:
    """No other number with six decimals is nearer."""
    return 0 < abs(held - Decimal(str(value).strip())) <= Decimal("0.0000005")


@pytest.mark.parametrize("data_type", quick_ones(TYPES, ["decimal", "timestamp"]))
@settings(deadline=None)
@given(page=columns_of_values)
def test_a_column_keeps_or_reports_every_value(data_type: DataType, page: list[Any]) -> None:
    array, misfits = to_arrow(page, data_type)

    for row, (value, held) in enumerate(zip(page, array.to_pylist(), strict=True)):
        if value is None or (row in misfits and data_type != "decimal"):
            assert held is None, value
        elif row in misfits:
            assert held is None or is_nearest(value, held), (value, held)
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
@example(page=[0.25, 2.1195021571046513e-222])
def test_a_page_is_held_as_its_values_are_one_by_one(data_type: DataType, page: list[Any]) -> None:
    array, misfits = to_arrow(page, data_type)

    assert array.to_pylist() == [fitted(value, data_type) for value in page]
    assert set(misfits) == {row for row, value in enumerate(page) if not fits(value, data_type)}


def fits(value: Any, data_type: DataType) -> bool:
    try:
        coerce(value, data_type)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("data_type", quick_ones(TYPES, ["decimal", "timestamp"]))
@settings(deadline=None)
@given(page=columns_of_values)
@example(page=[0.25, 2.1195021571046513e-222])
def test_columns_converted_together_are_held_as_their_values_are_one_by_one(
    data_type: DataType, page: list[Any]
) -> None:
    together = proper_columns([{"value": value} for value in page], [Column("value", data_type, "")])

    if together is not None:
        assert together["value"].to_pylist() == [coerce(value, data_type) for value in page]


def fitted(value: Any, data_type: DataType) -> Any:
    try:
        return coerce(value, data_type)
    except Rounded as rough:
        return rough.held
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
        (2, "bool"),
        (1.0, "bool"),
        ("yes", "bool"),
        ("", "bool"),
        (7.5, "bigint"),
        ("7.0000001", "decimal"),
    ],
)
def test_what_a_column_cannot_hold_exactly_is_reported(value: Any, data_type: DataType) -> None:
    with pytest.raises(ValueError, match=r"."):
        coerce(value, data_type)


@pytest.mark.parametrize(
    ("value", "held"),
    [
        ("7.0000001", "7.000000"),
        ("0.0700005", "0.070000"),
        ("0.0700015", "0.070002"),
        (0.12345678, "0.123457"),
        (1e-7, "0.000000"),
        ("1e-400000", "0.000000"),
        ("-0.0000006", "-0.000001"),
        ("0." + "1" * 5000, "0.111111"),
        ("999999999999.9999994", "999999999999.999999"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_money_with_more_decimals_is_rounded_and_told(value: Any, held: str) -> None:
    array, misfits = to_arrow([value, "1.5"], "decimal")

    assert array.to_pylist() == [Decimal(held), Decimal("1.5")]
    assert misfits == {0: "a number with more than 6 decimals, which was rounded"}


@pytest.mark.parametrize("value", ["999999999999.9999995", "1e12", "1e400000", "1e30", "Infinity", "nan"])
def test_money_beyond_its_column_is_null_and_told(value: str) -> None:
    array, misfits = to_arrow([value], "decimal")

    assert (array.to_pylist(), list(misfits)) == ([None], [0])


@pytest.mark.parametrize("value", [True, 1, "true", "True", "TRUE", "1"], ids=repr)
def test_truth_may_be_written_in_other_ways(value: Any) -> None:
    array, misfits = to_arrow([value, False, 0, "False", "0"], "bool")

    assert (array.to_pylist(), misfits) == ([True, False, False, False, False], {})


TEN = datetime(2026, 11, 20, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-20 10:00:00 UTC",
        "2026-11-20 10:00:00 +0000",
        "2026-11-20T10:00:00 GMT",
        "2026-11-20t10:00:00z",
        "2026-11-20T05:00:00-0500",
        "2026-11-20 10:00 UTC",
        "2026-11-20 10:00:00.000 utc".upper(),
        "Fri, 20 Nov 2026 10:00:00 GMT",
        "Fri, 20 Nov 2026 04:00:00 -0600",
        "20 Nov 2026 10:00:00 +0000",
        "20 Nov 2026 10:00 UT",
        " 2026-11-20T10:00:00Z ",
    ],
)
def test_an_instant_may_be_written_as_servers_do(text: str) -> None:
    array, misfits = to_arrow([text, "2026-11-20T10:00:00Z"], "timestamp")

    assert (array.to_pylist(), misfits) == ([TEN, TEN], {})


@pytest.mark.parametrize(
    "text", ["2016-12-31T23:59:60Z", "2016-12-31T17:59:60.25-06:00", "Sat, 31 Dec 2016 23:59:60 GMT"]
)
def test_a_leap_second_is_the_second_after_it(text: str) -> None:
    array, misfits = to_arrow([text, None], "timestamp")

    assert (array.to_pylist()[0].replace(microsecond=0), misfits) == (datetime(2017, 1, 1, tzinfo=UTC), {})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "UTC",
        "yesterday",
        "10:00:00 UTC",
        "2026-11-20 UTC",
        "2026-11-20T10:00:00Z UTC",
        "2026-11-20T10:00:00+01:00 UTC",
        "2026-13-20 10:00:00 UTC",
        "2026-11-20 25:00:00 UTC",
        "2026-11-20T10:00:60Z",
        "2016-12-31T23:59:60-06:00",
        "2016-12-31T23:59:61Z",
        "9999-12-31T23:59:60Z",
        "2026-11-20 10:00:00 PST",
        "2026-11-20 10:00:00 +99:00",
        "Thu, 20 Nov 2026 10:00:00 GMT",
        "Fri, 31 Nov 2026 10:00:00 GMT",
        "Fri, 20 Nov 26 10:00:00 GMT",
        "Fri, 20 Foo 2026 10:00:00 GMT",
        "Fri, 20 Nov 2026 10:00:00",
        "Fri, 20 Nov 2026 10:00:00 GMT and more",
        "20/11/2026 10:00:00",
        "1763632800",
        "9999-12-31 23:59:59 -06:00",
        "٢٠٢٦-11-20 10:00:00 UTC",
    ],
)
def test_what_is_no_instant_is_never_taken_for_one(text: str) -> None:
    array, misfits = to_arrow([text], "timestamp")

    assert (array.to_pylist(), list(misfits)) == ([None], [0])
