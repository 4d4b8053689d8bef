"""A store of records in order of creation, and what the fakes share about switches, credentials and totals."""

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
    """Records by `id`, in order of creation and `id`, with their JSON. `show` gives a record as the API prints it.

    `created_at` is the key of their creation time.
    Change records only by the methods, which update the order and the JSON. Hold `lock` across several calls.
    """

    def __init__(self, show: Callable[[Record], Record], created_at: str = "created_at") -> None:
        self.lock = RLock()
        self.records: dict[Id, Record] = {}
        self._show, self._created_at = show, created_at
        self._instants: dict[Id, datetime] = {}
        self._order: list[tuple[datetime, Id]] = []
        self._shown: dict[Id, bytes] = {}
        self._sorted = True

    def put(self, *records: Record) -> None:
        """Adds each record, or replaces the record with its id."""
        with self.lock:
            for record in records:
                self._place(record["id"], instant(record[self._created_at]), few=len(records) < 10)
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
        """Sets these values of one record, under new keys too."""
        with self.lock:
            self.put({**self.records[id], **fields, "id": id})

    def drop(self, id: Id) -> None:
        """Removes one record, but keeps its position."""
        with self.lock:
            self._displace(id)
            del self.records[id]
            self._shown.pop(id, None)

    def order(self) -> list[tuple[datetime, Id]]:
        """Every (instant, id), ascending. This is the store's own list: read it while you hold `lock`."""
        if not self._sorted:
            self._order.sort()
            self._sorted = True
        return self._order

    def between(self, first: datetime, end: datetime) -> tuple[int, int]:
        """The bounds of the slice of `order()` that was created from `first` (inclusive) to `end` (exclusive)."""
        low, high = (bisect_left(self.order(), bound, key=itemgetter(0)) for bound in (first, end))
        return low, max(low, high)

    def position(self, id: Id) -> tuple[datetime, Id] | None:
        """The position of a record, also of a dropped one; None if the store never had it."""
        return (self._instants[id], id) if id in self._instants else None

    def shown(self, ids: Iterable[Id]) -> bytes:
        """The records as a JSON array."""
        return b"[" + b",".join(self._shown.get(id) or self._render(id) for id in ids) + b"]"

    def _render(self, id: Id) -> bytes:
        return self._shown.setdefault(id, compact(self._show(self.records[id])))


def readings(switches: Mapping[str, tuple[str, ...]], chosen: Mapping[str, str]) -> dict[str, str]:
    """The reading for each switch: the chosen one, else the first.

    Raises:
        ValueError: a chosen switch or reading is not listed.
    """
    for name, reading in chosen.items():
        if reading not in switches.get(name, ()):
            raise ValueError(f"{name}={reading!r}: the switches are {dict(switches)}")
    return {name: chosen.get(name, listed[0]) for name, listed in switches.items()}


def authorized(request: Request, user: str, password: str) -> bool:
    """The request has this user and password as HTTP Basic credentials."""
    return request.headers.get("Authorization") == "Basic " + b64encode(f"{user}:{password}".encode()).decode()


def whole_number(text: str) -> int | None:
    """The number; None if the text is not one to nine digits."""
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text) else None


def totals(truth: Iterable[Record]) -> Record:
    """The numbers of faxes, recipients and tags, and the sum of `cost_usd`."""
    faxes = list(truth)
    return {
        "faxes": len(faxes),
        "recipients": sum(len(fax["recipients"]) for fax in faxes),
        "tags": sum(len(fax["tags"]) for fax in faxes),
        "cost_usd": sum(fax["cost_usd"] or 0 for fax in faxes),
    }
