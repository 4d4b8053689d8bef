"""What the fake providers share: records in order of creation, readings of the documentation, credentials, totals."""

import re
from base64 import b64encode
from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from operator import itemgetter
from threading import RLock
from typing import Any, Generic, TypeVar

from sources.fakes.server import Request, compact
from sources.fakes.time import instant

Record = dict[str, Any]
Id = TypeVar("Id", int, str)


class Store(Generic[Id]):
    """Records by `id`, ordered by (`created_at`, `id`), each kept as JSON too; `show` says how a record is printed.

    Change records through the methods only: order and JSON follow them, not the dicts. Hold `lock` over several calls.
    """

    def __init__(self, show: Callable[[Record], Record]) -> None:
        self.lock = RLock()
        self.records: dict[Id, Record] = {}
        self._show = show
        self._instants: dict[Id, datetime] = {}
        self._order: list[tuple[datetime, Id]] = []
        self._shown: dict[Id, bytes] = {}
        self._sorted = True

    def put(self, *records: Record) -> None:
        """Add each record, or replace the one with its id."""
        with self.lock:
            for record in records:
                self._place(record["id"], instant(record["created_at"]), few=len(records) < 10)
                self.records[record["id"]] = dict(record)
                self._shown.pop(record["id"], None)

    def _place(self, id: Id, at: datetime, few: bool) -> None:
        if id in self.records:
            if self._instants[id] == at:
                return
            self._displace(id)
        self._instants[id] = at
        if few:
            insort(self.order(), (at, id))
        else:
            self._order.append((at, id))
            self._sorted = False

    def _displace(self, id: Id) -> None:
        del self.order()[bisect_left(self.order(), (self._instants[id], id))]

    def change(self, id: Id, **fields: Any) -> None:
        """Give one record these values; a name it does not have yet becomes a new key."""
        with self.lock:
            self.put({**self.records[id], **fields, "id": id})

    def drop(self, id: Id) -> None:
        """Forget one record, but not where it was."""
        with self.lock:
            self._displace(id)
            del self.records[id]
            self._shown.pop(id, None)

    def order(self) -> list[tuple[datetime, Id]]:
        """Every (instant, id), ascending; the store's own list, to be read under its lock."""
        if not self._sorted:
            self._order.sort()
            self._sorted = True
        return self._order

    def between(self, first: datetime, end: datetime) -> tuple[int, int]:
        """The slice of `order()` created from `first` (inclusive) to `end` (exclusive)."""
        low, high = (bisect_left(self.order(), bound, key=itemgetter(0)) for bound in (first, end))
        return low, max(low, high)

    def position(self, id: Id) -> tuple[datetime, Id] | None:
        """Where the record is or, once dropped, was; None if there never was one."""
        return (self._instants[id], id) if id in self._instants else None

    def shown(self, ids: Iterable[Id]) -> bytes:
        """The records as a JSON array."""
        return b"[" + b",".join(self._shown.get(id) or self._render(id) for id in ids) + b"]"

    def _render(self, id: Id) -> bytes:
        return self._shown.setdefault(id, compact(self._show(self.records[id])))


def readings(switches: Mapping[str, tuple[str, ...]], chosen: Mapping[str, str]) -> dict[str, str]:
    """One reading for every switch, the first unless chosen otherwise; ValueError for one that is not listed."""
    for name, reading in chosen.items():
        if reading not in switches.get(name, ()):
            raise ValueError(f"{name}={reading!r}: the switches are {dict(switches)}")
    return {name: chosen.get(name, listed[0]) for name, listed in switches.items()}


def authorized(request: Request, user: str, password: str) -> bool:
    """The request carries this pair as HTTP Basic credentials."""
    return request.headers.get("Authorization") == "Basic " + b64encode(f"{user}:{password}".encode()).decode()


def whole_number(text: str) -> int | None:
    """The number, or None if the text is anything but a few digits."""
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text) else None


def totals(truth: Iterable[Record]) -> Record:
    """How many faxes, recipients and tags, and the sum of `cost_usd`."""
    faxes = list(truth)
    return {
        "faxes": len(faxes),
        "recipients": sum(len(fax["recipients"]) for fax in faxes),
        "tags": sum(len(fax["tags"]) for fax in faxes),
        "cost_usd": sum(fax["cost_usd"] or 0 for fax in faxes),
    }
