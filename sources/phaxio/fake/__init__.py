"""A fake Phaxio over real HTTP, with a switch for each behaviour that the documentation leaves open.

https://www.phaxio.com/docs/api/v2/faxes/list_faxes, /intro/paging and /account/status, read November 2026.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sources.fakes.server import Answer, Request, compact, json_answer
from sources.fakes.store import Record, Store, authorized, readings, totals
from sources.fakes.time import TICK, US_CENTRAL, diary, instant, midnight, utc_now
from sources.phaxio.fake.data import DOCUMENTED, OPEN, true_fax
from sources.phaxio.fake.faxes import cast_for_demo, generate, settled
from sources.phaxio.fake.query import Malformed, read_listing

__all__ = ["DOCUMENTED", "SWITCHES", "Fake", "generate"]

COUNTED = 10_000  # documented: a larger total is printed as ">10000"
ONLY_IN_2_1 = ("caller_name", "barcodes")
SWITCHES: dict[str, tuple[str, ...]] = {
    "bounds": ("inclusive", "exclusive"),
    "read_bounds_as": ("instants", "dates"),
    "filter": (
        "heeded",
        "ignored",
        "ignored unless a bare date",
        "created_after ignored",
        "created_before ignored",
    ),
    "deep_paging": ("allowed", "refused"),
    "per_page_above_maximum": ("clamp", "refuse"),
    "page_cap": ("1000", "200"),
    "order": ("newest_first", "oldest_first"),
    "version": ("2.1", "2"),
}


class Fake:
    """One Phaxio account. `records` are its faxes by id, as the API prints them; change them only by the methods."""

    def __init__(
        self,
        faxes: Iterable[Record] = (),
        *,
        now: Callable[[], datetime] | None = None,
        api_key: str = "px-key",
        api_secret: str = "px-secret",
        **switches: str,
    ) -> None:
        self.now = now or utc_now
        self.api_key, self.api_secret = api_key, api_secret
        self.paid_in = 50_000  # cents
        self.switches = readings(SWITCHES, switches)
        self.store: Store[int] = Store(self._printed)
        self.records = self.store.records
        self.add(*faxes)

    @classmethod
    def demo(cls, now: datetime) -> "Fake":
        """An account with about 400 faxes of thirteen months up to `now`, the same all day; the latest are open."""
        lately = now - timedelta(hours=3)
        faxes: list[Record] = []
        for number, start, end, until in diary(now):
            day = start.toordinal()
            chapter = generate(number, start=start, end=end, seed=day, first_id=day * 1000, open_from=lately)
            faxes += [cast_for_demo(fax) for fax in chapter if instant(fax["created_at"]) < until]
        return cls(faxes, now=lambda: now)

    def settings(self, url: str) -> dict[str, str]:
        """The settings under `[sources.phaxio]` for this account, served at this URL."""
        return {"api_key": self.api_key, "api_secret": self.api_secret, "base_url": url + "/v2"}

    def add(self, *faxes: Record) -> None:
        """Adds these faxes to the account."""
        self.store.put(*faxes)

    def change(self, id: int, **fields: Any) -> None:
        """Sets these values of one fax."""
        self.store.change(id, **fields)

    def delete(self, id: int) -> None:
        """Removes one fax without a tombstone, as Phaxio removes test faxes."""
        self.store.drop(id)

    def open_ids(self) -> list[int]:
        """The ids of the open faxes, ascending."""
        with self.store.lock:
            return sorted(id for id, fax in self.records.items() if fax["status"] in OPEN)

    def settle_one(self, id: int) -> None:
        """Makes an open fax final now; its id determines the outcome."""
        with self.store.lock:
            if self.records[id]["status"] in OPEN:
                self.store.put(settled(self.records[id], self.now()))

    def truth(self) -> list[Record]:
        """The rows that the view `fax.faxes` must have, one dict per fax."""
        with self.store.lock:
            return [true_fax(fax) for fax in self.records.values()]

    def truth_totals(self) -> Record:
        """The numbers of faxes, recipients and tags, and their cost in US dollars, test faxes included."""
        return totals(self.truth())

    def answer(self, request: Request) -> Answer:
        """Phaxio's answer to this request."""
        if not authorized(request, self.api_key, self.api_secret):
            return _refusal(401, "Auth failure.")
        endpoint = re.fullmatch(r"/v2(?:\.1)?/(?:(faxes)(?:/([0-9]{1,18}))?|account/status)", request.path)
        if request.method != "GET" or not endpoint:
            return _refusal(404, "Not found failure.")
        with self.store.lock:
            if not endpoint[1]:
                return self._status()
            return self._one(int(endpoint[2])) if endpoint[2] else self._page(request.query)

    def _one(self, id: int) -> Answer:
        if id not in self.records:
            return _refusal(404, "Not found failure.")
        return json_answer(b'{"success":true,"message":"Metadata for fax","data":%b}' % self.store.shown([id])[1:-1])

    def _page(self, query: Mapping[str, str]) -> Answer:
        try:
            first, end, page, per_page, matches = read_listing(query, self.switches, self.now())
        except Malformed as problem:
            return _refusal(422, str(problem))
        found = self._created(first, end)
        if matches:
            found = [place for place in found if matches(self.records[place[1]])]
        total = len(found) if len(found) <= COUNTED else f">{COUNTED}"
        paging = compact({"total": total, "per_page": per_page, "page": page})
        faxes = self.store.shown(id for _, id in found[(page - 1) * per_page : page * per_page])
        body = b'{"success":true,"message":"Retrieved faxes successfully","data":%b,"paging":%b}' % (faxes, paging)
        return json_answer(body, X_Total=str(total), X_Per_Page=str(per_page), X_Page=str(page))

    def _created(self, first: datetime, end: datetime) -> list[tuple[datetime, int]]:
        low, high = self.store.between(first, end)
        found = self.store.order()[low:high]
        return found if self.switches["order"] == "oldest_first" else found[::-1]

    def _status(self) -> Answer:
        now = self.now().astimezone(US_CENTRAL)
        today, end = midnight(now), now + TICK
        counts = {"faxes_today": self._count(today, end), "faxes_this_month": self._count(today.replace(day=1), end)}
        message = "Account status retrieved successfully"
        return json_answer({"success": True, "message": message, "data": {"balance": self._balance(), **counts}})

    def _balance(self) -> int:
        """What is left of the money paid in, in cents, after the cost of all faxes but tests."""
        charged = [fax.get("cost") for fax in self.records.values() if not fax.get("is_test")]
        return self.paid_in - sum(cost for cost in charged if isinstance(cost, int))

    def _count(self, first: datetime, end: datetime) -> dict[str, int]:
        directions = [self.records[id]["direction"] for _, id in self._created(first, end)]
        return {direction: directions.count(direction) for direction in ("sent", "received")}

    def _printed(self, fax: Record) -> Record:
        hidden = ONLY_IN_2_1 if self.switches["version"] == "2" else ()
        return {name: value for name, value in fax.items() if name not in hidden}


def _refusal(status: int, message: str) -> Answer:
    return json_answer({"success": False, "message": message}, status)
