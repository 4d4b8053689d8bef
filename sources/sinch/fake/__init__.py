"""A fake Sinch over real HTTP, with a switch for each behaviour that the documentation leaves open.

https://developers.sinch.com/docs/fax/api-reference/fax/faxes/, read November 2026.
"""

import re
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from sources.fakes.server import Answer, Request, compact, json_answer
from sources.fakes.store import Record, Store, authorized, readings, totals
from sources.fakes.time import diary, instant, utc_now
from sources.sinch.fake.data import DOCUMENTED, OPEN, true_fax
from sources.sinch.fake.faxes import cast_for_demo, generate, settled, settled_without_price
from sources.sinch.fake.query import Malformed, oldest_kept, read_listing

__all__ = ["DOCUMENTED", "SWITCHES", "Fake", "generate"]

TOKEN_SECONDS = 3600  # documented
COMMON_NAMES = {"created_at": "createTime", "error_message": "errorMessage"}
SWITCHES: dict[str, tuple[str, ...]] = {
    "bounds": ("inclusive", "exclusive"),
    "read_bounds_as": ("instants", "dates"),
    "filter": (
        "heeded",
        "ignored",
        "ignored unless a bare date",
        "createTime> ignored",
        "createTime< ignored",
    ),
    "page_name": ("pageNumber", "page"),
    "total_items": ("told", "not told"),
    "total_pages": ("told", "not told"),
    "page_cap": ("1000", "200", "300"),
    "order": ("newest_first", "oldest_first"),
    "amount": ("text", "number"),
    "price": ("with the end", "late"),
    "empty_fields": ("absent", "null"),
    "has_file": ("json", "text"),
    "content_url": ("list", "text"),
}


class Fake:
    """One Sinch project. `records` are its faxes by id, as the API prints them; change them only by the methods."""

    def __init__(
        self,
        faxes: Iterable[Record] = (),
        *,
        now: Callable[[], datetime] | None = None,
        project_id: str = "sinch-project",
        key_id: str = "sinch-key",
        key_secret: str = "sinch-secret",
        auth: str = "basic",
        **switches: str,
    ) -> None:
        self.now = now or utc_now
        self.project_id, self.key_id, self.key_secret, self.auth = project_id, key_id, key_secret, auth
        self.switches = readings(SWITCHES, switches)
        self.store: Store[str] = Store(self._printed, "createTime")
        self.records = self.store.records
        self.tokens: set[str] = set()
        self._issued = 0
        self.add(*faxes)

    @classmethod
    def demo(cls, now: datetime) -> "Fake":
        """A project with about 400 faxes of thirteen months up to `now`, the same all day; the latest are open."""
        lately = now - timedelta(hours=3)
        faxes: list[Record] = []
        for number, start, end, until in diary(now):
            chapter = generate(number, start=start, end=end, seed=start.toordinal(), open_from=lately)
            faxes += [cast_for_demo(fax) for fax in chapter if instant(fax["createTime"]) < until]
        return cls(faxes, now=lambda: now)

    def settings(self, url: str) -> dict[str, str]:
        """The settings under `[sources.sinch]` for this project, served at this URL."""
        keys = {"project_id": self.project_id, "key_id": self.key_id, "key_secret": self.key_secret}
        urls = {"base_url": f"{url}/v3/projects/{self.project_id}", "auth_url": url + "/oauth2/token"}
        return {**keys, **urls, "auth": self.auth}

    def add(self, *faxes: Record) -> None:
        """Adds these faxes to the project."""
        self.store.put(*faxes)

    def change(self, id: str, **fields: Any) -> None:
        """Sets these values of one fax, by Sinch's names or those of the common fax."""
        self.store.change(id, **{COMMON_NAMES.get(name, name): value for name, value in fields.items()})

    def delete(self, id: str) -> None:
        """Removes one fax without a tombstone, as when its log is too old."""
        self.store.drop(id)

    def open_ids(self) -> list[str]:
        """The ids of the open faxes, oldest first."""
        with self.store.lock:
            return [id for _, id in self.store.order() if self.records[id]["status"] in OPEN]

    def settle_one(self, id: str) -> None:
        """Makes an open fax final now; its id determines the outcome. Its price comes later, if it is late."""
        with self.store.lock:
            fax = self.records[id]
            if fax["status"] in OPEN and self.switches["price"] == "late":
                self.store.put(settled_without_price(fax, self.now()))
            elif fax["status"] in OPEN:
                self.store.put(settled(fax, self.now()))

    def truth(self) -> list[Record]:
        """The rows that the view `fax.faxes` must have, one dict per fax that Sinch still keeps."""
        oldest = oldest_kept(self.now())
        with self.store.lock:
            return [true_fax(fax) for fax in self.records.values() if instant(fax["createTime"]) >= oldest]

    def truth_totals(self) -> Record:
        """The numbers of faxes, recipients and tags, and their cost in US dollars, test faxes included."""
        return totals(self.truth())

    def revoke_tokens(self) -> None:
        """Makes every token that was issued invalid."""
        self.tokens.clear()

    def answer(self, request: Request) -> Answer:
        """Sinch's answer to this request."""
        if request.path == "/oauth2/token":
            return self._token(request)
        if not self._is_authorized(request):
            return Answer(401)
        endpoint = re.fullmatch(r"/v3/projects/([^/]+)/faxes(?:/([^/]+))?", request.path)
        if request.method != "GET" or not endpoint or endpoint[1] != self.project_id:
            return _refusal(404, "Not found")
        with self.store.lock:
            return self._one(endpoint[2]) if endpoint[2] else self._page(request)

    def _is_authorized(self, request: Request) -> bool:
        if self.auth == "basic":
            return authorized(request, self.key_id, self.key_secret)
        return request.headers.get("Authorization", "").removeprefix("Bearer ") in self.tokens

    def _token(self, request: Request) -> Answer:
        if request.method != "POST" or not authorized(request, self.key_id, self.key_secret):
            return json_answer({"error": "invalid_client"}, 401)
        self._issued += 1
        token = f"{self.key_id}-token-{self._issued}".replace(" ", "-")
        self.tokens.add(token)
        return json_answer({"access_token": token, "token_type": "bearer", "expires_in": TOKEN_SECONDS})

    def _one(self, id: str) -> Answer:
        if id not in self.records:
            return _refusal(404, "Not found")
        return json_answer(self.store.shown([id])[1:-1])

    def _page(self, request: Request) -> Answer:
        try:
            asked = read_listing(request.query, self.switches, self.now())
        except Malformed as problem:
            return _refusal(400, str(problem))
        low, high = self.store.between(asked.first, asked.end)
        found = self.store.order()[low:high]
        found = found if self.switches["order"] == "oldest_first" else found[::-1]
        first = (asked.page - 1) * asked.size
        head = {self.switches["page_name"]: asked.page, "pageSize": asked.size}
        if self.switches["total_pages"] == "told":
            head["totalPages"] = -(-len(found) // asked.size)
        if self.switches["total_items"] == "told":
            head["totalItems"] = len(found)
        faxes = self.store.shown(id for _, id in found[first : first + asked.size])
        return json_answer(b'%b,"faxes":%b}' % (compact(head)[:-1], faxes))

    def _printed(self, fax: Record) -> Record:
        shown = {
            name: value for name, value in fax.items() if value is not None or self.switches["empty_fields"] == "null"
        }
        if shown.get("price") and self.switches["amount"] == "number":
            shown["price"] = shown["price"] | {"amount": float(shown["price"]["amount"])}
        if self.switches["has_file"] == "text" and "hasFile" in shown:
            shown["hasFile"] = str(shown["hasFile"]).lower()
        if self.switches["content_url"] == "text" and shown.get("contentUrl"):
            shown["contentUrl"] = shown["contentUrl"][0]
        return shown


def _refusal(status: int, message: str) -> Answer:
    return json_answer({"code": status, "error": message, "message": message, "details": []}, status)
