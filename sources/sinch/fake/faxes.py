"""Generates plausible faxes as Sinch prints them, and makes open faxes final.

https://developers.sinch.com/docs/fax/api-reference/fax/faxes/ and /docs/fax/error-codes/, read November 2026.
"""

from datetime import UTC, datetime, timedelta
from random import Random

from sources.fakes.cast import clinic, customer, party, random_number
from sources.fakes.history import history
from sources.fakes.store import Record
from sources.fakes.time import instant
from sources.sinch.fake.data import OPEN, TEST_NUMBER

SHEETS = (1, 1, 1, 2, 2, 3, 4, 5, 8, 14, 40)
ULID = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LABELS = ("order_id", "Cost Center", "dept", "Patient.Ref", "42")
ERRORS = (
    ("CALL_ERROR", 17, "Busy signal"),
    ("CALL_ERROR", 34, "The number is not in service"),
    ("FAX_ERROR", 8, "The connection dropped during transmission"),
    ("FAX_ERROR", 133, "The number is not permitted"),
    ("DOCUMENT_CONVERSION_ERROR", 133, "The PDF could not be normalised"),
    ("GENERAL_ERROR", 75, "The fax was cancelled"),
)


def printed(at: datetime) -> str:
    """The time as Sinch prints it: UTC, whole seconds, `Z`."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def generate(
    count: int, *, start: datetime, end: datetime, seed: int = 0, open_from: datetime | None = None
) -> list[Record]:
    """`count` faxes of [start, end), in order of creation; see `history`."""
    return history(count, start, end, seed, open_from, _queued, settled, OPEN)


def cast_for_demo(fax: Record) -> Record:
    """The fax between a clinic and another party of the demonstration; a sent one has the label `customer`."""
    if fax["direction"] == "INBOUND":
        return fax | {"from": party(fax["from"]), "to": clinic(fax["to"])}
    to = fax["to"] if fax["to"] == TEST_NUMBER else party(fax["to"])
    return fax | {"from": clinic(fax["from"] or fax["to"]), "to": to, "labels": {"customer": customer(fax["to"])}}


def settled(fax: Record, at: datetime | None = None) -> Record:
    """The final fax, which its id alone determines; completed at `at` or later. A failed fax may have no price."""
    rng = Random(fax["id"])
    done = instant(fax["createTime"]) + timedelta(seconds=20 + int(rng.random() * 580))
    pages = rng.choice(SHEETS)
    end: Record = {"completedTime": printed(max(done, at or done)), "numberOfPages": pages, "hasFile": True}
    end["contentUrl"] = [f"https://files.example/{fax['id']}.pdf"]
    if rng.random() < 0.1:
        error = dict(zip(("errorType", "errorCode", "errorMessage"), rng.choice(ERRORS), strict=True))
        price = rng.choice((None, _price("0.0000")))
        return fax | end | error | {"status": "FAILURE", "pagesSentSuccessfully": 0, "retryCount": 3, "price": price}
    cents = 0 if fax["to"] == TEST_NUMBER else 7 * pages
    currency = "EUR" if rng.random() < 0.02 else "USD"
    price = _price(f"{cents / 100:.4f}", currency)
    return fax | end | {"status": "COMPLETED", "pagesSentSuccessfully": pages, "price": price}


def settled_without_price(fax: Record, at: datetime) -> Record:
    """The final fax before its price is known."""
    return settled(fax, at) | {"price": None}


def _price(amount: str, currency: str = "USD") -> Record:
    return {"currencyCode": currency, "amount": amount}


def _queued(moment: datetime, rng: Random) -> Record:
    is_received = rng.random() < 0.4
    labels = {name: f"L-{int(rng.random() * 2000)}" for name in rng.sample(LABELS, int(rng.random() * 3))}
    codes = [{"type": "CODE_128", "page": 1, "value": f"SX{int(rng.random() * 1e6)}"}] if rng.random() < 0.1 else None
    return {
        "id": _ulid(moment, rng),
        "direction": "INBOUND" if is_received else "OUTBOUND",
        "from": random_number(rng) if is_received or rng.random() < 0.8 else None,
        "to": TEST_NUMBER if not is_received and rng.random() < 0.02 else random_number(rng),
        "numberOfPages": 0,
        "status": "QUEUED",
        "price": None,
        "createTime": printed(moment),
        "completedTime": None,
        "errorType": None,
        "errorCode": None,
        "errorMessage": None,
        "retryCount": 0,
        "maxRetries": 3,
        "labels": labels if not is_received and labels else None,
        "barCodes": codes if is_received else None,
        "hasFile": False,
        "contentUrl": None,
        "projectId": "sinch-project",
        "serviceId": "sinch-service",
    }


def _ulid(moment: datetime, rng: Random) -> str:
    value = int(moment.timestamp() * 1000) << 80 | rng.getrandbits(80)
    return "".join(ULID[value >> 5 * place & 31] for place in reversed(range(26)))
