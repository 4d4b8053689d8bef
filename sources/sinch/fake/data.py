"""Faxes as documented, and the row of the view `fax.faxes` for any fax that Sinch prints.

https://developers.sinch.com/docs/fax/api-reference/fax/faxes/, read November 2026.
"""

from decimal import Decimal

from sources.fakes.store import Record
from sources.fakes.time import instant

OPEN = ("QUEUED", "IN_PROGRESS")
FINAL_OUTCOMES = {"COMPLETED": "delivered", "FAILURE": "failed"}
DIRECTIONS = {"OUTBOUND": "sent", "INBOUND": "received"}
TEST_NUMBER = "+19898989898"  # documented: faxes to it are emulated and not charged

DOCUMENTED: tuple[Record, ...] = (
    {
        "id": "01HZZZZZZZZZZZZZZZZZZZZZZ1",
        "direction": "OUTBOUND",
        "from": "+12025550101",
        "to": "+12025550102",
        "numberOfPages": 3,
        "pagesSentSuccessfully": 3,
        "status": "COMPLETED",
        "price": {"currencyCode": "USD", "amount": "0.2100"},
        "createTime": "2026-03-08T07:30:00Z",
        "completedTime": "2026-03-08T07:32:41Z",
        "retryCount": 0,
        "maxRetries": 3,
        "labels": {"customer": "acme"},
        "hasFile": True,
        "contentUrl": ["https://files.example/a.pdf"],
        "projectId": "p-1",
        "serviceId": "s-1",
    },
    {
        "id": "01HZZZZZZZZZZZZZZZZZZZZZZ2",
        "direction": "OUTBOUND",
        "to": "+12025550103",
        "numberOfPages": 0,
        "status": "IN_PROGRESS",
        "createTime": "2026-03-08T07:31:00Z",
        "hasFile": False,
        "projectId": "p-1",
        "serviceId": "s-1",
    },
)


def true_fax(fax: Record) -> Record:
    """The row that the view `fax.faxes` must have, with its one recipient, the other party, and its tags."""
    status, price, direction = fax["status"], fax.get("price") or {}, DIRECTIONS.get(fax["direction"])
    amount = price.get("amount")
    completed_at = fax.get("completedTime")
    cost = None if amount is None else Decimal(str(amount)).quantize(Decimal("0.000001"))
    return {
        "provider": "sinch",
        "id": fax["id"],
        "created_at": instant(fax["createTime"]),
        "completed_at": instant(completed_at) if completed_at else None,
        "direction": direction,
        "provider_status": status,
        "outcome": "open" if status in OPEN else FINAL_OUTCOMES.get(status, "unknown"),
        "num_pages": fax.get("numberOfPages"),
        "cost_usd": cost if price.get("currencyCode") == "USD" else None,
        "price_currency": None if amount is None else price.get("currencyCode") or "XXX",
        "is_test": fax["to"] == TEST_NUMBER,
        "is_final": status == "FAILURE" or (status == "COMPLETED" and amount is not None),
        "is_deleted": False,
        "error_message": fax.get("errorMessage"),
        "from_number": fax.get("from"),
        "to_number": fax["to"],
        "recipients": [(0, fax.get("from") if direction == "received" else fax["to"], status)],
        "tags": dict(fax.get("labels") or {}),
    }
