"""A fake SignalWire over real HTTP, with a switch for each behaviour that the documentation leaves open.

https://signalwire.com/docs/apis/rest/fax-logs/list-fax-logs and /docs/apis/core/paging, read November 2026. The switch
`compat` says whether the settings have the Compatibility list read, and whether the token may.
"""

import re
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from sources.fakes.server import Answer, Request, compact, json_answer
from sources.fakes.store import Record, Store, authorized, readings, totals
from sources.fakes.time import diary, instant, utc_now
from sources.signalwire.fake import compat
from sources.signalwire.fake.data import DOCUMENTED, OPEN, true_fax
from sources.signalwire.fake.logs import cast_for_demo, generate, printed, settled, with_milliseconds
from sources.signalwire.fake.pages import Pager
from sources.signalwire.fake.query import Refused, check_history, history_limit, includes_deleted, read_listing

__all__ = ["DOCUMENTED", "SWITCHES", "Fake", "generate"]

SWITCHES: dict[str, tuple[str, ...]] = {
    "bounds": ("inclusive", "exclusive"),
    "read_bounds_as": ("instants", "dates"),
    "filter": (
        "heeded",
        "ignored",
        "ignored unless a bare date",
        "empty unless a bare date",
        "created_after ignored",
        "created_before ignored",
    ),
    "links": ("absolute", "relative"),
    "links_keep_filter": ("yes", "no", "ignored"),  # ignored: even if it is added to the link
    "page_cap": ("1000", "200"),
    "empty_page": ("never", "sometimes"),
    "numbers": ("json", "text"),
    "milliseconds": ("no", "yes"),
    "history_limit": ("none", "year", "year to the second"),
    "order": ("newest_first", "oldest_first"),
    **compat.SWITCHES,
}


class Fake:
    """One SignalWire project; change its logs only by the methods. `deleted` are the tombstones by id."""

    def __init__(
        self,
        logs: Iterable[Record] = (),
        *,
        now: Callable[[], datetime] | None = None,
        project_id: str = "sw-project",
        api_token: str = "sw-token",
        **switches: str,
    ) -> None:
        self.now = now or utc_now
        self.project_id, self.api_token = project_id, api_token
        self.switches = readings(SWITCHES, switches)
        self.store: Store[str] = Store(self._printed)
        self.deleted: dict[str, Record] = {}
        self._last_known: dict[str, Record] = {}
        self.pager = Pager(self.store, self.deleted, self.switches)
        self.compat = compat.CompatFaxes(project_id, self.switches)
        self.add(*logs)

    @classmethod
    def demo(cls, now: datetime) -> "Fake":
        """A project with about 400 logs of thirteen months up to `now`, the same all day; most recent ones are open."""
        lately = now - timedelta(hours=3)
        logs: list[Record] = []
        for number, start, end, until in diary(now):
            chapter = generate(number, start=start, end=end, seed=start.toordinal(), open_from=lately)
            logs += [cast_for_demo(log) for log in chapter if instant(log["created_at"]) < until]
        return cls(logs, now=lambda: now, compat="read")

    def settings(self, url: str) -> dict[str, str]:
        """The settings under `[sources.signalwire]` for this project, served at this URL."""
        keys = {"project_id": self.project_id, "api_token": self.api_token}
        off = {"compat_faxes": "false"} if self.switches["compat"] == "off" else {}
        return {"space": "demo", **keys, "base_url": url + "/api", **off}

    @property
    def records(self) -> dict[str, Record]:
        """The logs by id, as the API prints them, without the deleted ones."""
        with self.store.lock:
            return {id: log for id, log in self.store.records.items() if id not in self.deleted}

    def add(self, *logs: Record) -> None:
        """Adds these logs to the project; restores a deleted one."""
        with self.store.lock:
            for log in logs:
                self.deleted.pop(log["id"], None)
            fine = self.switches["milliseconds"] == "yes"
            added = [with_milliseconds(log) if fine else log for log in logs]
            self.store.put(*added)
            self.compat.put(*added)

    def change(self, id: str, **fields: Any) -> None:
        """Sets these values of one log.

        Raises:
            KeyError: the log is deleted.
        """
        with self.store.lock:
            if id in self.deleted:
                raise KeyError(id)
            self.store.change(id, **fields)
            self.compat.put(self.store.records[id])

    def delete(self, id: str) -> None:
        """Replaces one log with a tombstone.

        Raises:
            ValueError: the log is open, which SignalWire refuses with 409, or already deleted.
        """
        with self.store.lock:
            log = self.store.records[id]
            if id in self.deleted or log["status"] in OPEN:
                raise ValueError(f"{id} is deleted already or still in progress")
            self._last_known[id] = log
            self.deleted[id] = {"id": id, "discarded_at": printed(self.now()), "created_at": log["created_at"]}
            self.store.put(self.deleted[id])
            self.compat.delete(log)

    def open_ids(self) -> list[str]:
        """The ids of the open logs, oldest first."""
        with self.store.lock:
            logs = self.store.records
            return [id for _, id in self.store.order() if logs[id].get("status") in OPEN]

    def settle_one(self, id: str) -> None:
        """Makes an open log final; its id determines the outcome."""
        with self.store.lock:
            if self.store.records[id].get("status") in OPEN:
                self.store.put(settled(self.store.records[id]))
                self.compat.put(self.store.records[id])

    def truth(self) -> list[Record]:
        """The rows that the view `fax.faxes` must have, one dict per log, and per fax without one.

        A deleted log has its last known values.
        """
        with self.store.lock:
            rows = [(id in self.deleted, id) for id in self.store.records]
            logs = [(gone, self._last_known[id] if gone else self.store.records[id]) for gone, id in rows]
            faxes = [true_fax(log, self.compat.fax(log), is_deleted=gone) for gone, log in logs]
            return [*faxes, *(true_fax(None, fax) for fax in self.compat.without_logs())]

    def truth_of_lists(self) -> dict[str, dict[str, Record]]:
        """What the raw tables of the further lists must have, by table and id: the columns that a fax may change in."""
        with self.store.lock:
            return {"compat_faxes": self.compat.truth()} if self.switches["compat"] == "read" else {}

    def truth_totals(self) -> Record:
        """The numbers of faxes, recipients and tags, and their cost in US dollars, deleted faxes included."""
        return totals(self.truth())

    def answer(self, request: Request) -> Answer:
        """SignalWire's answer to this request."""
        if not authorized(request, self.project_id, self.api_token):
            return json_answer({"error": "Unauthorized"}, 401)
        project = re.escape(self.project_id)
        of_compat = re.fullmatch(f"/api/laml/2010-04-01/Accounts/{project}/Faxes(?:/([^/]+))?", request.path)
        if request.method == "GET" and of_compat:
            with self.store.lock:
                return self.compat.answer(of_compat[1], request, self.now())
        endpoint = re.fullmatch(r"/api/fax/logs(?:/([^/]+))?", request.path)
        if request.method != "GET" or not endpoint:
            return json_answer({"error": "Not Found"}, 404)
        with self.store.lock:
            try:
                return self._one(endpoint[1], request) if endpoint[1] else self._page(request)
            except Refused as refusal:
                return json_answer(refusal.document, 422)

    def _one(self, id: str, request: Request) -> Answer:
        if id not in self.store.records or (id in self.deleted and not includes_deleted(request.query)):
            return json_answer({"error": "Not Found"}, 404)
        limit = history_limit(self.now(), self.switches["history_limit"])
        check_history(instant(self.store.records[id]["created_at"]), limit, "created_at")
        return json_answer(self.store.shown([id])[1:-1])

    def _page(self, request: Request) -> Answer:
        asked = read_listing(request.query, self.switches, self.now())
        page = self.pager.page(asked)
        links = compact(self.pager.links(request, asked, page))
        return json_answer(b'{"links":%b,"data":%b}' % (links, self.store.shown(page.ids)))

    def _printed(self, log: Record) -> Record:
        if self.switches["numbers"] == "json":
            return log
        texts = {name: log.get(name) for name in ("charge", "number_of_pages")}
        return log | {name: str(value) for name, value in texts.items() if value is not None}
