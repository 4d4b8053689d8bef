"""Records on their way into tables: where they belong, what is learnt from them, and what did not fit."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from typing import Any

import orjson

from sources.columns import CREATED_AT, DataType, Record, Table
from sources.fitting import as_json, fit
from sources.values import infer_type

MOST_LEARNT_COLUMNS = 200  # of one table; PostgreSQL ends at 1600 columns, and a page of random keys must not get there


@dataclass(frozen=True)
class Placed:
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


@dataclass
class Learnt:
    """The columns that nobody declared: `types` by table and column, as the warehouse knows them.

    `normalize` turns a provider's key into a column name, as dlt does. While tables are built, `new` collects the
    columns first seen now, by table, and `problems` what did not fit.
    """

    types: Mapping[str, Mapping[str, DataType]]
    normalize: Callable[[str], str]
    new: dict[str, dict[str, DataType]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def type_of(self, table: str, column: str, values: list[Any]) -> DataType | None:
        """The type that the warehouse knows, else the one these values suggest; None while all of them are null."""
        known = self.types.get(table, {}).get(column)
        if known:
            return known
        inferred = infer_type(values)
        if inferred:
            self.new.setdefault(table, {})[column] = inferred
        return inferred

    def name_columns(self, keys: Sequence[str], taken: frozenset[str]) -> dict[str, str]:
        """Key -> column name, a free one for each; keys that find none free are left out."""
        names: dict[str, str] = {}
        for key in sorted(keys):
            name = self._normalized(key)
            if name in taken or name.startswith("_dlt"):
                name = self._normalized(f"x_{name.lstrip('_')}")
            if name and name not in taken and name not in names.values() and len(names) < MOST_LEARNT_COLUMNS:
                names[key] = name
        return names

    def _normalized(self, key: str) -> str:
        try:
            return self.normalize(key)
        except ValueError:
            return ""  # nothing of the key can stand in a name


def place(table: Table, account: str, record: Record) -> Placed:
    """The record with its place.

    Raises:
        ValueError: it has no id, or no creation time, that its column could hold.
    """
    fax_id = fit(record.get("id"), table.id_type)
    if fax_id is None or fax_id == "":
        raise ValueError("no id")
    created_at: datetime | None = fit(record.get(CREATED_AT), "timestamp")
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
