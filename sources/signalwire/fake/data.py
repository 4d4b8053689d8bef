"""The documented fax log, and the row of the view `fax.faxes` for any log and fax that SignalWire prints.

https://signalwire.com/docs/apis/rest/fax-logs/list-fax-logs, read November 2026.
"""

from decimal import Decimal

from sources.fakes.store import Record
from sources.fakes.time import instant

OPEN = ("queued", "initiated", "ringing", "in-progress", "processing", "sending", "receiving")
UNCONNECTED = ("busy", "failed", "no-answer", "canceled")
FINAL = ("completed", *UNCONNECTED, "delivered", "received")
FAX_OUTCOMES = {
    **dict.fromkeys(("queued", "processing", "sending", "receiving"), "open"),
    **dict.fromkeys(UNCONNECTED, "failed"),
    **dict.fromkeys(("delivered", "received"), "delivered"),
}
SPACE = "https://example.signalwire.com/api/laml/2010-04-01/Accounts"

DOCUMENTED: tuple[Record, ...] = (
    {
        "id": "b7182dc2-00f3-40e4-a5ce-20f164b329df",
        "from": "+12065551212",
        "to": "+12065553434",
        "status": "completed",
        "direction": "inbound",
        "source": "laml",
        "type": "laml_call",
        "url": f"{SPACE}/b7182dc2-00f3-40e4-a5ce-20f164b329df/Faxes/c9a1d3e4-56f7-89ab-cdef-0123456789ab",
        "remote_station": None,
        "charge": 0.01,
        "number_of_pages": 2,
        "quality": "fine",
        "charge_details": [],
        "created_at": "2024-05-06T12:20:00Z",
        "error_code": "34004",
        "error_message": "The call dropped prematurely",
    },
)


def true_fax(log: Record | None, fax: Record | None, *, is_deleted: bool = False) -> Record:
    """The row that the view `fax.faxes` must have for a log, for a fax of the Compatibility list, or for both.

    Its one recipient is the other party.
    """
    known = {**(fax or {}), **{key: value for key, value in (log or {}).items() if value is not None}}
    direction, status = _direction(known.get("direction")), (fax or known)["status"]
    pages = known.get("number_of_pages", known.get("num_pages"))
    cost, currency = (log["charge"], "USD") if log else (known["price"], known["price_unit"] or "XXX")
    return {
        "provider": "signalwire",
        "id": log["id"] if log else known["sid"],
        "created_at": instant(log["created_at"] if log else known["date_created"]),
        "completed_at": None,
        "direction": direction,
        "provider_status": status,
        "outcome": FAX_OUTCOMES[status] if fax else _outcome(known),
        "num_pages": None if pages is None else int(pages),
        "cost_usd": Decimal(str(cost)).quantize(Decimal("0.000001"))
        if cost is not None and currency == "USD"
        else None,
        "price_currency": None if cost is None else currency,
        "is_test": False,
        "is_final": (not log or log["status"] in FINAL) and (not fax or FAX_OUTCOMES[status] != "open"),
        "is_deleted": is_deleted,
        "error_message": known.get("error_message"),
        "from_number": known.get("from"),
        "to_number": known.get("to"),
        "duration_seconds": known.get("duration"),
        "listed_in": "both" if log and fax else "fax_logs" if log else "compat_faxes",
        "recipients": [(0, known.get("from" if direction == "received" else "to"), status)],
        "tags": {},
    }


def _direction(printed: str | None) -> str | None:
    if printed == "inbound":
        return "received"
    return "sent" if printed and printed.startswith("outbound") else None


def _outcome(log: Record) -> str:
    status = log["status"]
    if status in OPEN:
        return "open"
    if status not in FINAL:
        return "unknown"
    if status in UNCONNECTED or log.get("error_code") or log.get("error_message"):
        return "failed"
    return "delivered" if status != "completed" or int(log.get("number_of_pages") or 0) > 0 else "unknown"
