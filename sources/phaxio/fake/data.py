"""The documented faxes, and the row of the view `fax.faxes` for any fax that Phaxio prints.

https://www.phaxio.com/docs/api/v2/faxes/list_faxes and /intro/objects, read November 2026.
"""

from decimal import Decimal
from typing import Any

from sources.fakes.store import Record
from sources.fakes.time import instant

NO_ERROR = {"error_type": None, "error_id": None, "error_message": None}
FINAL_OUTCOMES = {"success": "delivered", "failure": "failed", "partialsuccess": "partial"}
OPEN = ("queued", "pendingbatch", "inprogress")


def _documented_recipient(number: str, completed_at: str, bitrate: int = 14400) -> Record:
    call = {"phone_number": number, "status": "success", "retry_count": 0, "completed_at": completed_at}
    return call | {"bitrate": bitrate, "resolution": 8040} | NO_ERROR


def _documented(id: int, caller_id: str | None, times: tuple[str, str], cost: int, **rest: Any) -> Record:
    head = {"id": id, "direction": "sent", "num_pages": 1, "status": "success", "is_test": False}
    mid = {"created_at": times[0], "caller_id": caller_id, "from_number": None, "completed_at": times[1], "cost": cost}
    return head | mid | rest | {"to_number": None, "error_id": None, "error_type": None, "error_message": None}


DOCUMENTED: tuple[Record, ...] = (
    _documented(
        123456,
        "+18476661235",
        ("2016-01-20T11:28:02.000-06:00", "2016-01-20T11:28:54.000-06:00"),
        7,
        tags={"order_id": "1234"},
        recipients=[_documented_recipient("+14141234567", "2016-01-20T11:28:52.000-06:00")],
    ),
    _documented(
        123455,
        None,
        ("2016-01-20T11:24:07.000-06:00", "2016-01-20T11:25:24.000-06:00"),
        7,
        tags={"order_id": "1233"},
        recipients=[_documented_recipient("+14141234567", "2016-01-20T11:25:24.000-06:00")],
    ),
    _documented(
        123454,
        "+18476661235",
        ("2016-01-10T14:07:30.000-06:00", "2016-01-10T14:09:03.000-06:00"),
        14,
        tags={},
        recipients=[
            _documented_recipient("+14141234567", "2016-01-10T14:08:45.000-06:00"),
            _documented_recipient("+14141234568", "2016-01-10T14:09:01.000-06:00", bitrate=9600),
        ],
    ),
)


def true_fax(fax: Record) -> Record:
    """The row that the view `fax.faxes` must have, with the recipients as (position, number, status) and the tags."""
    status, completed_at, cost = fax["status"], fax["completed_at"], fax["cost"]
    other = fax["from_number"] if fax["direction"] == "received" else fax["to_number"]
    calls = enumerate(fax["recipients"] or [{"phone_number": other, "status": status}])
    return {
        "provider": "phaxio",
        "id": str(fax["id"]),
        "created_at": instant(fax["created_at"]),
        "completed_at": instant(completed_at) if completed_at else None,
        "direction": fax["direction"],
        "provider_status": status,
        "outcome": "open" if status in OPEN else FINAL_OUTCOMES.get(status, "unknown"),
        "num_pages": fax["num_pages"],
        "cost_usd": None if cost is None else (Decimal(str(cost)) / 100).quantize(Decimal("0.000001")),
        "price_currency": None if cost is None else "USD",
        "is_test": fax["is_test"],
        "is_final": status in FINAL_OUTCOMES,
        "is_deleted": False,
        "error_message": fax["error_message"],
        "from_number": fax["from_number"] or fax["caller_id"],
        "to_number": fax["to_number"],
        "recipients": [(position, call["phone_number"], call["status"]) for position, call in calls],
        "tags": dict(fax["tags"] or {}),
    }
