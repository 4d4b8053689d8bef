"""Removes the phone numbers and names of a record, or replaces them with pseudonyms, before any other step.

A pseudonym is `+1415~k1~` and 24 letters or digits: the country and area code, so that costs can still be grouped by
destination; the key's id; and the first 120 bits of HMAC-SHA-256 of the text, in base 32. Equal texts have equal
pseudonyms at every provider and in every field, and so do all notations of a number. The HMAC has a key because ten
digits without one could be found by trying them all.
"""

import hmac
import re
from base64 import b32encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

from sources.records.coerce import as_json, coerce
from sources.records.phone_numbers import canonical, destination
from sources.records.schema import Column, Record, Table

Handling = Literal["keep", "hmac", "drop"]
Columns = Mapping[str, Column]
NONE: Mapping[str, Any] = {}
DROPPED = "[number]"  # replaces a number that was left out of a text
_DIGEST_BYTES = 15  # of 32: a collision is unlikely among all phone numbers, and base 32 needs no padding

_PSEUDONYM = re.compile(r"(?:\+\d{1,4})?~[a-z][a-z0-9]{0,15}~[a-z2-7]{24}")
_NO_NUMBER = (
    _PSEUDONYM.pattern,
    r"\b[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\b",  # UUID
    r"\b[A-Za-z]{0,2}[0-9A-Fa-f]{32}\b",  # digest, or a SID, which has two letters in front
    r"\b(?:19|20)\d\d-[01]\d-[0-3]\d(?!\d)(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?)?",  # ISO 8601
)
_BETWEEN = r"(?:[^\w,;:+~@]|_){0,3}"  # two digits: blanks, brackets, dots, any kind of dash
_NUMBER = rf"\+(?:{_BETWEEN}\d){{7,}}|\d(?:{_BETWEEN}\d){{9,}}"
_IN_TEXT = re.compile(f"(?P<other>{'|'.join(_NO_NUMBER)})|{_NUMBER}")
_SEVEN_DIGITS = re.compile(r"(?:\d[^0-9A-Za-z]{0,3}){7}")  # fewer digits are not a number; a fast check for most texts


@dataclass(frozen=True)
class Privacy:
    """How numbers and names are stored: as they are (keep), as a pseudonym (hmac), or not at all (drop).

    `names` are the tags and new fields, in lower case, whose values are replaced as a whole.
    """

    phone_numbers: Handling = "keep"
    key: bytes = field(default=b"", repr=False)
    key_id: str = ""
    names: frozenset[str] = frozenset()

    def of(self, table: Table) -> Callable[[Record], Record]:
        """A function that returns a record of the table as it may be stored, including its children and new fields."""
        if self.phone_numbers == "keep":
            return as_it_is
        columns = {column.name: column for column in table.columns}
        children = {child.source: {column.name: column for column in child.columns} for child in table.children}
        return partial(self.fields, columns=columns, children=children)

    def fields(self, record: Record, columns: Columns, children: Mapping[str, Columns] = NONE) -> Record:
        """The record as it may be stored. A pseudonym stays unchanged."""
        treated: Record = {}
        for key, value in record.items():
            column, child = columns.get(key), children.get(key)
            if value is None and column is not None:
                treated[key] = None
                continue
            name = key if column or child is not None else self._text(key)
            if name != key and self.phone_numbers == "drop":
                continue
            if (column and column.is_personal) or key.lower() in self.names:
                treated[name] = self._whole(value)
            elif child is not None:
                treated[name] = self._within(value, child) if isinstance(value, dict | list) else self._whole(value)
            else:
                treated[name] = value if column and _is_plain(value, column) else self._within(value, NONE)
        return treated

    def pseudonym(self, text: str) -> str | None:
        """The pseudonym of a number or a name; None if it must be left out."""
        if self.phone_numbers == "drop":
            return None
        if _PSEUDONYM.fullmatch(text):
            return text
        text = canonical(text)
        digest = hmac.digest(self.key, text.encode(errors="surrogatepass"), "sha256")[:_DIGEST_BYTES]
        return f"{destination(text)}~{self.key_id}~{b32encode(digest).decode().lower()}"

    def _whole(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: self._whole(inner) for name, inner in self.fields(value, NONE).items()}
        if isinstance(value, list):
            return [self._whole(inner) for inner in value]
        if value is None or value == "" or isinstance(value, bool):
            return value
        return self.pseudonym(value if isinstance(value, str) else as_json(value))

    def _within(self, value: Any, columns: Columns) -> Any:
        """The value with its personal parts replaced: those with a personal name, or that look like a number."""
        if isinstance(value, dict):
            return self.fields(value, columns)
        if isinstance(value, list):
            return [self._within(inner, columns) for inner in value]
        if isinstance(value, str):
            return self._text(value)
        return self._whole(value) if _is_long(value) else value

    def _text(self, text: str) -> str:
        return _IN_TEXT.sub(self._found, text) if _SEVEN_DIGITS.search(text) else text

    def _found(self, match: re.Match[str]) -> str:
        if match["other"]:
            return match["other"]
        return self.pseudonym(re.sub(r"[^+\d]", "", match[0])) or DROPPED


def as_it_is(record: Record) -> Record:
    """The record unchanged."""
    return record


KEEP = Privacy()


def _is_plain(value: Any, column: Column) -> bool:
    """The value is an id or a timestamp, and so is not a phone number."""
    if column.name != "id" and column.data_type != "timestamp":
        return False
    try:
        coerce(value, column.data_type)
    except ValueError:
        return False
    return True


def _is_long(value: Any) -> bool:
    """A JSON number with as many digits as a phone number."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 10**9 <= abs(value) < 10**15
