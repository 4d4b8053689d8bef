"""Parses JSON without loss: strict UTF-8, no repeated key, no rounded number.

orjson parses a page several times faster than the standard library, but keeps only the last of two equal keys and
rounds integers beyond 64 bits. A cheap check finds the bodies where that may have happened, and the standard library
parses them again. A body that orjson serialises to the same bytes needs no check.
"""

import json
import math
import re
from collections import Counter
from typing import Any

import orjson

MAX_DEPTH = 100  # far more than a record has, and few enough for every encoder
MAX_DIGITS = 4000  # Python's own limit is 4300
_DIGITS_AS_ZEROS = bytes.maketrans(b"123456789", b"000000000")
_LONG_NUMBER = b"0" * 19  # a number of this length may not fit into 64 bits
# An unterminated string extends to the end of the text; else each quote in it would start another search.
_STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]++|\\.?)*+"?|[\[\]{}]', re.DOTALL)
_KEY_END = b'":'


def parse(body: bytes) -> Any:
    """The document in `body`: integers of any size as `int`; NaN, Infinity and numbers such as 1e400 as text.

    Raises:
        ValueError: the body is not UTF-8 or not JSON, or an object repeats a key. The message does not quote the body.
    """
    body = body.removeprefix(b"\xef\xbb\xbf")
    try:
        document = orjson.loads(body)
        serialised = orjson.dumps(document)
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return _parse_exactly(body)  # names the error; also parses what is nested too deeply for orjson
    is_exact = serialised == body or (serialised.count(_KEY_END) == body.count(_KEY_END) and not _is_suspicious(body))
    return document if is_exact else _parse_exactly(body)


def is_unfinished(body: bytes) -> bool:
    """The body is the beginning of JSON: it is empty, or an object or a list that is not closed."""
    text = body.decode(errors="replace").strip("\ufeff \t\r\n")
    brackets = Counter(token[0][0] for token in _STRING_OR_BRACKET.finditer(text))
    return not text or (text[0] in "{[" and brackets["{"] + brackets["["] > brackets["}"] + brackets["]"])


def _is_suspicious(body: bytes) -> bool:
    """The body may have a long number, or an escaped quote, which makes the count of keys wrong."""
    # A regular expression for this takes five times as long as orjson takes to parse the body.
    return _LONG_NUMBER in body.translate(_DIGITS_AS_ZEROS) or b"\\u0022" in body


def _parse_exactly(body: bytes) -> Any:
    text = _decode(body)
    try:
        return json.loads(
            _shallow(text),
            object_pairs_hook=_without_repeated_keys,
            parse_constant=str,
            parse_float=_finite_or_text,
            parse_int=_exact_integer,
        )
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON at character {error.pos} of {len(text)}") from None
    except RecursionError:
        raise ValueError("not JSON: unclosed brackets") from None


def _decode(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8 at byte {error.start}") from None


def _shallow(text: str) -> str:
    """The text with each value nested deeper than MAX_DEPTH replaced by a string of its JSON: parsers fail on more."""
    parts, depth, done, deep_from = [], 0, 0, 0
    for token in _STRING_OR_BRACKET.finditer(text):
        if token[0] in "[{":
            depth += 1
            deep_from = token.start() if depth == MAX_DEPTH + 1 else deep_from
        elif token[0] in "]}":
            if depth == MAX_DEPTH + 1:
                parts += [text[done:deep_from], json.dumps(text[deep_from : token.end()])]
                done = token.end()
            depth -= 1
    return "".join([*parts, text[done:]])


def _finite_or_text(digits: str) -> float | str:
    """The number, or its digits if it is too large for a double."""
    number = float(digits)
    return number if math.isfinite(number) else digits


def _exact_integer(digits: str) -> int | str:
    """The integer, or its digits if Python refuses to convert their number."""
    return int(digits) if len(digits) < MAX_DIGITS else digits


def _without_repeated_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) != len(pairs):
        raise ValueError("an object repeats a key")
    return record
