"""Records on their way into tables: where they belong, and what did not fit."""

from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any, NamedTuple

import orjson

from sources.records.coerce import as_json, coerce
from sources.records.schema import CREATED_AT, Record, Table

MOST_OF_AN_ID = 255  # characters; an index of PostgreSQL holds no key of more than 2,704 bytes


class Placed(NamedTuple):
    """A record with its place: the id and the creation time (UTC) that its columns will hold, and its fingerprint."""

    record: Record
    id: Any
    created_at: datetime
    fingerprint: str


@dataclass(frozen=True)
class Problem:
    """A value, or a whole record (`column` None), that did not fit its table: what it was and why."""

    table: str
    record_id: Any
    column: str | None
    original: Any
    reason: str
    fingerprint: str


def place(table: Table, account: str, record: Record) -> Placed:
    """The record with its place.

    Raises:
        ValueError: it has no id, or no creation time, that its column could hold.
    """
    fax_id = coerce(record.get("id"), table.id_type)
    if fax_id is None or fax_id == "":
        raise ValueError("no id")
    if len(str(fax_id)) > MOST_OF_AN_ID:
        raise ValueError(f"an id of more than {MOST_OF_AN_ID} characters")
    created_at: datetime | None = coerce(record.get(CREATED_AT), "timestamp")
    if created_at is None:
        raise ValueError("no creation time")
    return Placed(record, fax_id, created_at, fingerprint(account, record))


def fingerprint(account: str, record: Record) -> str:
    """A digest of everything a provider says of a fax; equal as long as nothing in the record changes."""
    try:
        text = orjson.dumps(record, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        text = as_json(dict(sorted(record.items()))).encode()
    return blake2b(account.encode() + b"\0" + text, digest_size=16).hexdigest()
