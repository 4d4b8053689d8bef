"""JSON that cannot change its meaning on the way in: what comes out equals what went in, or is refused."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sources.http.strict_json import parse

scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text()
)
documents = st.recursive(
    scalars, lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)), max_leaves=20
)


def typed(document: Any) -> str:
    """The document with the type of every value in it: 1, 1.0 and true are three things."""
    return repr(document)


@settings(deadline=None)
@given(documents, st.booleans(), st.sampled_from([None, 1]))
def test_any_document_comes_out_as_it_went_in(document: Any, escaped: bool, indent: int | None) -> None:
    body = json.dumps(document, ensure_ascii=escaped, indent=indent).encode()

    assert typed(document) == typed(parse(body))


@pytest.mark.parametrize(
    ("body", "document"),
    [
        (b"\xef\xbb\xbf[1]", [1]),
        (b"[9223372036854775807, 9223372036854775808]", [2**63 - 1, 2**63]),
        (b"[18446744073709551616, -9223372036854775809]", [2**64, -(2**63) - 1]),
        (b"[1000000000000000000000000000000]", [10**30]),
        (b"[NaN, Infinity, -Infinity]", ["NaN", "Infinity", "-Infinity"]),
        (b"[1e400, -1e400]", ["1e400", "-1e400"]),
        (b'["\\ud800", "\\udc00x"]', ["\ud800", "\udc00x"]),
        (b'["\\ud83d\\ude00"]', ["\U0001f600"]),
        (b'["a\\u0000b"]', ["a\0b"]),
        (b"[" * 90 + b"1" + b"]" * 90, json.loads("[" * 90 + "1" + "]" * 90)),
    ],
)
def test_what_parsers_like_to_bend_is_kept(body: bytes, document: Any) -> None:
    assert typed(document) == typed(parse(body))


def test_an_integer_of_5000_digits_is_kept_or_refused() -> None:
    assert str(parse(b"[%b]" % (b"7" * 5000))[0]) == "7" * 5000


@pytest.mark.parametrize("depth", [150, 990, 100_000])
def test_what_is_nested_too_deeply_is_kept_as_text_or_refused(depth: int) -> None:
    body = b'{"id": 7, "deep": ' + b"[" * depth + b"]" * depth + b', "after": "]["}'
    try:
        document = parse(body)
    except ValueError:
        return
    held = json.dumps(document).replace('\\"', '"')

    assert (document["id"], document["after"]) == (7, "][")
    assert (depth, depth) == (held.count("[") - 1, held.count("]") - 1)


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b" ", b"{", b'{"a":', b"[1,]", b"{'a':1}", b"[01]", b"[1]x", b"nul", b'["\x01"]', b"[+1]", b"[.5]"),
        *(b'["\xff"]', b'["\xc3"]', b'["\xed\xa0\x80"]', '["é"]'.encode("latin-1"), "[1]".encode("utf-16")),
        *(b'{"id": 1, "id": 2}', b'{"id":1,"x":{"a":1,"a":1}}', b'{"a":1,"\\u0061":2}', b'{"a" :1,"a" :2}'),
        *(b'{"a":1,"a":2,"b":"\\u0022:"}', b'{"b":"\\":","a":1,"a":2}', b'{"a":1,"a":{"b":1}}'),
        *(b'{"a":"' + b'\\"' * 500_000, b'{"a":"' + b'\\"' * 500_000 + b"\\"),
        *(b"[" * 100_000, b'{"a":' * 100_000, b"]" * 1000, b"[" * 100_000 + b"}" * 100_000),
    ],
    ids=lambda body: repr(body[:30]),
)
def test_what_is_no_json_or_says_a_key_twice_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r".") as refusal:
        parse(body)

    assert len(str(refusal.value)) < 100, "a message that quotes the body may quote phone numbers"
