"""A record with its id, creation time and fingerprint, and the problem of one that does not fit."""

from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any, NamedTuple

import orjson

from sources.records.coerce import as_json, coerce
from sources.records.schema import Record, Table

MAX_ID_LENGTH = 255  # characters; a key in a PostgreSQL index has at most 2,704 bytes


class Placed(NamedTuple):
    """A record with its id and creation time (UTC), as coerced for their columns, and its fingerprint."""

    record: Record
    id: Any
    created_at: datetime
    fingerprint: str


@dataclass(frozen=True)
class Problem:
    """A value, or a whole record (`column` is None), that did not fit its table: the original and the reason."""

    table: str
    record_id: Any
    column: str | None
    original: Any
    reason: str
    fingerprint: str


def place(table: Table, account: str, record: Record) -> Placed:
    """The record with its id, creation time and fingerprint.

    Raises:
        ValueError: the id or the creation time is missing, or does not fit its column.
    """
    fax_id = coerce(record.get("id"), table.id_type)
    if fax_id is None or fax_id == "":
        raise ValueError("no id")
    if len(str(fax_id)) > MAX_ID_LENGTH:
        raise ValueError(f"an id of more than {MAX_ID_LENGTH} characters")
    created_at: datetime | None = coerce(record.get(table.created_at), "timestamp")
    if created_at is None:
        raise ValueError("no creation time")
    return Placed(record, fax_id, created_at, fingerprint(account, record))


def fingerprint(account: str, record: Record) -> str:
    """The digest of an account and a record; it changes if and only if the record changes."""
    try:
        text = orjson.dumps(record, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        text = as_json(dict(sorted(record.items()))).encode()
    return blake2b(account.encode() + b"\0" + text, digest_size=16).hexdigest()
