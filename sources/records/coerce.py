"""Coerces one value of a record to the data type of its column, or gives the reason why it does not fit."""

import json
import math
import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from typing import Any

import orjson

from sources.records.schema import MONEY_PRECISION, MONEY_SCALE, DataType
from sources.window import LAST_INSTANT, SECOND

_QUANTUM = Decimal(1).scaleb(-MONEY_SCALE)
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}
_ROUNDING_NOISE = Decimal("1e-15")  # relative error of a float, as in 0.1 + 0.2

# The forms of servers besides ISO 8601: `2026-11-20 10:00:00 UTC`, and RFC 2822, section 3.3. All digits are ASCII.
_ISO_AND_ZONE = re.compile(
    r"(?P<at>\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?) ?(?P<zone>[Zz]|UTC|GMT|[+-]\d\d:?\d\d)", re.ASCII
)
_RFC_2822 = re.compile(
    r"(?:(?P<weekday>[A-Z][a-z]{2}), )?(?P<day>\d{1,2}) (?P<month>[A-Z][a-z]{2}) (?P<year>\d{4})"
    r" (?P<time>\d\d:\d\d(?::\d\d)?) (?P<zone>Z|UT|UTC|GMT|[+-]\d{4})",
    re.ASCII,
)
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Rounded(ValueError):
    """The value has too many decimals; `held` is the rounded value for the column."""

    def __init__(self, reason: str, held: Decimal) -> None:
        super().__init__(reason)
        self.held = held


def coerce(value: Any, data_type: DataType) -> Any:
    """The value in the Python type of its column; None for null.

    Text may hold a number, a float may hold an integer, 0 and 1 are booleans, and a text column takes a scalar as its
    JSON text. Times are exact to the microsecond and in UTC.

    Raises:
        Rounded: a number has more decimals than its column.
        ValueError: the value does not fit; the message gives the reason without the value.
    """
    if value is None:
        return None
    return _COERCERS[data_type](value)


def parse_instant(text: str) -> datetime:
    """The instant of an ISO 8601 or RFC 2822 text, in UTC; a text without an offset is read as UTC.

    A leap second, 23:59:60 in UTC, is read as the second after it, as in POSIX.

    Raises:
        ValueError: the text has neither form, or its instant is outside the years 1 to 9999.
    """
    if ":60" in text:
        before = parse_instant(text.replace(":60", ":59", 1))
        if f"{before:%H:%M:%S}" != "23:59:59" or LAST_INSTANT - before < SECOND:
            raise ValueError("a second that no day has")
        return before + SECOND
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        instant = _parse_other_form(text.strip())
    if instant.tzinfo is None:
        return instant.replace(tzinfo=UTC)
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        raise ValueError("an instant outside the years 1 to 9999") from None


def as_json(value: Any) -> str:
    """The value as JSON text, also with integers of any size, lone surrogates or NaN."""
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        return json.dumps(value, separators=(",", ":"))


def _to_text(value: Any) -> str:
    if isinstance(value, dict | list):
        raise ValueError("expected text, got a nested value")
    text = value if isinstance(value, str) else as_json(value)
    if "\0" in text:
        raise ValueError("text with a NUL character, which databases do not store")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("text with a lone surrogate, which is not valid Unicode") from None
    return text


def _to_number(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(f"expected a number, got {type(value).__name__}")
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        raise ValueError("expected a number, got other text") from None
    if not number.is_finite():
        raise ValueError("expected a finite number")
    return number


def _to_bigint(value: Any) -> int:
    if type(value) is int and -(2**63) <= value < 2**63:
        return value
    number = _to_number(value)
    if number.adjusted() > 19 or not -(2**63) <= number < 2**63:
        raise ValueError("an integer beyond 64 bits")
    if number != int(number):
        raise ValueError("expected an integer, got a fraction")
    return int(number)


def _to_decimal(value: Any) -> Decimal:
    number = _to_number(value)
    if number.adjusted() >= MONEY_PRECISION - MONEY_SCALE:
        raise ValueError(f"a number beyond {MONEY_PRECISION - MONEY_SCALE} integer digits")
    rounded = number.quantize(_QUANTUM, ROUND_HALF_EVEN) if number.adjusted() > -40 else Decimal(0)
    if rounded.adjusted() >= MONEY_PRECISION - MONEY_SCALE:
        raise ValueError(f"a number beyond {MONEY_PRECISION - MONEY_SCALE} integer digits")
    noise = abs(number) * _ROUNDING_NOISE if isinstance(value, float) else 0
    if abs(rounded - number) > noise:
        raise Rounded(f"a number with more than {MONEY_SCALE} decimals, which was rounded", rounded)
    return rounded


def _to_double(value: Any) -> float:
    exact = _to_number(value)
    number = float(exact)
    changed = Decimal(number) != exact if isinstance(value, int) else Decimal(repr(number)) != exact
    if math.isinf(number) or changed:
        raise ValueError("a number that a double cannot hold")
    return number


def _to_bool(value: Any) -> bool:
    text = str(value).lower() if isinstance(value, bool | int | str) else ""
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    raise ValueError(f"expected true or false, got {type(value).__name__}")


def _to_timestamp(value: Any) -> datetime:
    if not isinstance(value, str):
        raise ValueError(f"expected a date and time, got {type(value).__name__}")
    try:
        return parse_instant(value)
    except ValueError:
        raise ValueError("expected a date and time, got other text") from None


def _parse_other_form(text: str) -> datetime:
    """The instant of a text in a form that Python's ISO 8601 parser refuses."""
    if match := _ISO_AND_ZONE.fullmatch(text):
        return datetime.fromisoformat(match["at"].upper() + _offset(match["zone"]))
    match = _RFC_2822.fullmatch(text)
    if match is None or match["month"] not in _MONTHS:
        raise ValueError("not a date and time")
    month = _MONTHS.index(match["month"]) + 1
    date = f"{match['year']}-{month:02}-{int(match['day']):02}"
    instant = datetime.fromisoformat(f"{date}T{match['time']}{_offset(match['zone'])}")
    if match["weekday"] not in (None, _WEEKDAYS[instant.weekday()]):
        raise ValueError("a date with the wrong day of the week")
    return instant


def _offset(zone: str) -> str:
    return zone if zone[0] in "+-" else "+00:00"


def _to_json(value: Any) -> str:
    try:
        text = orjson.dumps(value).decode()
    except TypeError:
        raise ValueError("JSON with an integer beyond 64 bits or a lone surrogate") from None
    if "\\u0000" in text:
        raise ValueError("JSON with a NUL character, which databases do not store")
    return text


_COERCERS: dict[DataType, Callable[[Any], Any]] = {
    "text": _to_text,
    "bigint": _to_bigint,
    "double": _to_double,
    "bool": _to_bool,
    "timestamp": _to_timestamp,
    "decimal": _to_decimal,
    "json": _to_json,
}
