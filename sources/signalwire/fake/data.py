"""The documented fax log, and the row of the view `fax.faxes` for any fax log that SignalWire prints.

https://signalwire.com/docs/apis/rest/fax-logs/list-fax-logs, read November 2026.
"""

from decimal import Decimal

from sources.fakes.store import Record
from sources.fakes.time import instant

OPEN = ("queued", "initiated", "ringing", "in-progress", "processing", "sending", "receiving")
UNCONNECTED = ("busy", "failed", "no-answer", "canceled")
FINAL = ("completed", *UNCONNECTED, "delivered", "received")
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


def true_fax(log: Record, *, is_deleted: bool) -> Record:
    """The row that the view `fax.faxes` must have; its one recipient is the other party."""
    direction = _direction(log["direction"])
    other = log["from"] if direction == "received" else log["to"]
    pages, charge = log["number_of_pages"], log["charge"]
    return {
        "provider": "signalwire",
        "id": log["id"],
        "created_at": instant(log["created_at"]),
        "completed_at": None,
        "direction": direction,
        "provider_status": log["status"],
        "outcome": _outcome(log),
        "num_pages": None if pages is None else int(pages),
        "cost_usd": None if charge is None else Decimal(str(charge)).quantize(Decimal("0.000001")),
        "is_test": False,
        "is_final": log["status"] in FINAL,
        "is_deleted": is_deleted,
        "error_message": log["error_message"],
        "from_number": log["from"],
        "to_number": log["to"],
        "recipients": [(0, other, log["status"])],
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
    if status in UNCONNECTED or log["error_code"] or log["error_message"]:
        return "failed"
    return "delivered" if status != "completed" or int(log["number_of_pages"] or 0) > 0 else "unknown"
