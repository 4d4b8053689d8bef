"""The Compatibility list of the fake SignalWire: the faxes of its logs, and on demand some that are in one list only.

https://signalwire.com/docs/compatibility-api/rest/faxes/list-all-faxes, read November 2026; the types of pages and
prices also as the recordings of https://github.com/signalwire/signalwire-ruby have them.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from email.utils import format_datetime
from random import Random
from typing import Any
from urllib.parse import quote, urlencode
from uuid import NAMESPACE_URL, uuid5
from zlib import crc32

from sources.fakes.server import Answer, Request, compact, json_answer
from sources.fakes.store import Record, Store
from sources.fakes.time import instant
from sources.signalwire.fake.data import OPEN, UNCONNECTED
from sources.signalwire.fake.logs import printed
from sources.signalwire.fake.pages import Page, Pager
from sources.signalwire.fake.query import Listing, Refused, read_listing

SWITCHES: dict[str, tuple[str, ...]] = {
    "compat": ("off", "read", "forbidden"),
    "compat_dates": ("iso", "rfc2822"),
    "compat_price": ("number", "text", "negative text"),
    "compat_pages": ("json", "text"),
    "compat_links": ("below /api/laml", "without /api/laml", "elsewhere"),
    "compat_lists": ("agree", "differ"),
}
NAMES = {
    "DateCreatedAfter": "created_after",
    "DateCreatedOnOrBefore": "created_before",
    "Page": "page_number",
    "PageSize": "page_size",
    "PageToken": "page_token",
}
FILTERS = ("DateCreatedAfter", "DateCreatedOnOrBefore")
LINKS = {
    "below /api/laml": "/api/laml/2010-04-01/Accounts/{}/Faxes",
    "without /api/laml": "/2010-04-01/Accounts/{}/Faxes",
    "elsewhere": "https://elsewhere.example/fax/v1/Faxes",
}
IN_PROGRESS = {"queued": "queued", "initiated": "processing", "ringing": "processing"}


class CompatFaxes:
    """The faxes of a project, by SID. A fax is derived from its log, so that both lists agree."""

    def __init__(self, project_id: str, switches: Mapping[str, str]) -> None:
        self.switches = {**switches, "history_limit": "none"}
        self.store: Store[str] = Store(self._shown)
        self.pager = Pager(self.store, (), self.switches)
        self._faxes: dict[str, Record] = {}  # those that were deleted as well
        self._path = LINKS[switches["compat_links"]].format(quote(project_id, safe=""))

    def put(self, *logs: Record) -> None:
        """Adds the faxes of these logs, or changes them."""
        if self.switches["compat"] == "off":
            return
        faxes = [fax for log in logs if log.get("url") for fax in self._listed(log)]
        self._faxes |= {fax["sid"]: fax for fax in faxes}
        self.store.put(*({"id": fax["sid"], "created_at": fax["date_created"]} for fax in faxes))

    def delete(self, log: Record) -> None:
        """Deletes the fax of a log, without a trace."""
        if (sid := sid_of(log)) in self.store.records:
            self.store.drop(sid)

    def fax(self, log: Record) -> Record | None:
        """The fax of a log as it is, or was when it was deleted; None if it is not listed, or not to be read."""
        return self._faxes.get(sid_of(log)) if self.switches["compat"] == "read" else None

    def without_logs(self) -> list[Record]:
        """The faxes that no log names."""
        return [fax for fax in self._faxes.values() if fax["is_alone"]] if self.switches["compat"] == "read" else []

    def truth(self) -> dict[str, Record]:
        """Each fax by its SID, as the raw table must have it; a deleted one as it was."""
        is_negative = self.switches["compat_price"].startswith("negative")
        return {sid: _true_row(fax, is_negative) for sid, fax in self._faxes.items()}

    def answer(self, sid: str | None, request: Request, now: datetime) -> Answer:
        """SignalWire's answer to a request for a fax, or for a page of them."""
        if self.switches["compat"] != "read":
            return json_answer(_error("Forbidden", 403), 403)
        if sid:
            if sid not in self.store.records:
                return json_answer(_error("Not Found", 404), 404)
            return json_answer(self.store.shown([sid])[1:-1])
        try:
            asked = read_listing({NAMES.get(key, key): text for key, text in request.query.items()}, self.switches, now)
            page = self.pager.page(asked)
        except Refused as refusal:
            return json_answer(_error(str(refusal), 400), 400)
        links = compact(self._links(request, asked, page))
        return json_answer(b'%b,"faxes":%b}' % (links[:-1], self.store.shown(page.ids)))

    def _links(self, request: Request, asked: Listing, page: Page) -> Record:
        filters = {name: request.query[name] for name in FILTERS if name in request.query}
        onward = filters if self.switches["links_keep_filter"] == "yes" else {}

        def link(number: int, token: str | None) -> str | None:
            place = {"Page": str(number), "PageSize": str(asked.size), "PageToken": token}
            return f"{self._path}?{urlencode(place | onward)}" if token else None

        return {
            "uri": f"{self._path}?{urlencode(request.query)}",
            "first_page_uri": f"{self._path}?{urlencode({'PageSize': asked.size, **filters})}",
            "next_page_uri": link(asked.number + 1, page.next_token),
            "previous_page_uri": link(asked.number - 1, page.prev_token),
            "page": asked.number,
            "page_size": asked.size,
        }

    def _listed(self, log: Record) -> list[Record]:
        """The fax of a log; where lists differ, none for some, and for others one more that no log names."""
        fax = {**fax_of(log), "is_alone": False}
        turn = crc32(fax["sid"].encode()) % 8 if self.switches["compat_lists"] == "differ" else None
        if turn == 0:
            return []
        return [fax, {**fax, "sid": str(uuid5(NAMESPACE_URL, fax["sid"])), "is_alone": True}] if turn == 1 else [fax]

    def _shown(self, record: Record) -> Record:
        fax = {key: value for key, value in self._faxes[record["id"]].items() if key != "is_alone"}
        if self.switches["compat_dates"] == "rfc2822":
            fax |= {key: format_datetime(instant(fax[key])) for key in ("date_created", "date_updated")}
        if self.switches["compat_pages"] == "text" and fax["num_pages"] is not None:
            fax["num_pages"] = str(fax["num_pages"])
        if self.switches["compat_price"] != "number" and fax["price"] is not None:
            fax["price"] = "-" * self.switches["compat_price"].startswith("negative") + str(fax["price"])
        return fax


def sid_of(log: Record) -> str:
    """The SID of the fax of a log."""
    return str(log.get("url")).rpartition("/")[2]


def fax_of(log: Record) -> Record:
    """The fax of a log, as the Compatibility API prints it: the log and its SID determine all of it."""
    sid, chance = sid_of(log), Random(sid_of(log))
    is_inbound = log["direction"] == "inbound" if log["direction"] else chance.random() < 0.5
    has_failed = bool(log["error_code"] or log["error_message"])
    came = {"num_pages": None, "duration": 0, "price": None}
    if log["status"] in OPEN:
        status = IN_PROGRESS.get(log["status"], "receiving" if is_inbound else "sending")
    elif log["status"] in UNCONNECTED:
        status = log["status"]
        came = {"num_pages": 0, "duration": 17, "price": log["charge"]} if log["charge"] else came
    else:
        pages = log["number_of_pages"]
        pages = chance.choice((0, 0, 1, 2)) if pages is None else int(pages)
        delivered = "received" if is_inbound else "delivered"
        status = "failed" if has_failed or not pages else delivered
        came = {"num_pages": pages, "duration": 20 + 21 * pages, "price": log["charge"]}
    created = instant(log["created_at"])
    project = str(log["url"]).rpartition("/Faxes/")[0].rpartition("/")[2]
    return {
        "sid": sid,
        "account_sid": project,
        "api_version": "v1",
        "date_created": printed(created),
        "date_updated": printed(created),
        "direction": "inbound" if is_inbound else "outbound",
        "from": log["from"] or "+12025550150",
        "to": log["to"] or "+12025550151",
        "status": status,
        "quality": log["quality"] or "standard",
        **came,
        "price_unit": "USD",
        "media_url": None,
        "media_sid": str(uuid5(NAMESPACE_URL, f"{sid}/Media")),
        "uri": f"/2010-04-01/Accounts/{project}/Faxes/{sid}",
        "links": {"media": f"/2010-04-01/Accounts/{project}/Faxes/{sid}/Media"},
        **({"error_code": log["error_code"], "error_message": log["error_message"]} if has_failed else {}),
    }


def _true_row(fax: Record, is_negative: bool) -> Record:
    price = None if fax["price"] is None else Decimal(str(fax["price"])).quantize(Decimal("0.000001"))
    kept = ("direction", "from", "to", "status", "num_pages", "price_unit", "duration", "media_sid")
    return {name: fax[name] for name in kept} | {
        "date_created": instant(fax["date_created"]),
        "price": -price if price and is_negative else price,
        "error_message": fax.get("error_message"),
    }


def _error(message: str, status: int) -> dict[str, Any]:
    return {"code": status, "message": message, "more_info": "https://signalwire.com/docs", "status": status}
