"""Generates plausible faxes as Phaxio prints them, and makes open faxes final.

https://www.phaxio.com/docs/api/v2/intro/objects, /statuses, /errorMessages and /billing, read November 2026.
"""

from datetime import UTC, datetime, timedelta
from random import Random

from sources.fakes.cast import clinic, customer, party, random_number
from sources.fakes.history import newest
from sources.fakes.store import Record
from sources.fakes.time import US_CENTRAL, spread
from sources.phaxio.fake.data import NO_ERROR, OPEN

RECIPIENTS_UNDERWAY = ("inprogress", "ringing", "callactive", "willretry", "success")
SHEETS = (1, 1, 1, 2, 2, 3, 4, 5, 8, 14, 40)
TAGS = ("order_id", "orderId", "Order.ID", "Cost Center", "dept", "Patient.Ref", "invoice number", "CLIENT", "42")
ERRORS = (
    (4, "documentConversionError", "The file could not be converted"),
    (54, "documentConversionError", "The file type is not supported"),
    (17, "lineError", "Busy signal"),
    (30, "lineError", "No answer"),
    (34, "lineError", "The number is not in service"),
    (87, "lineError", "The call was not answered"),
    (112, "lineError", "Nobody answered the call"),
    (8, "faxError", "The connection dropped during transmission"),
    (12, "faxError", "The far end is not a fax machine"),
    (None, "generalError", "The fax was cancelled"),
)


def printed(at: datetime) -> str:
    """The time as Phaxio prints it: US Central with its offset, whole seconds, `.000`."""
    return at.astimezone(US_CENTRAL).replace(microsecond=0).isoformat(timespec="milliseconds")


def generate(
    count: int,
    *,
    start: datetime,
    end: datetime,
    seed: int = 0,
    first_id: int = 500000001,
    open_from: datetime | None = None,
) -> list[Record]:
    """`count` faxes of [start, end), with ids in order of creation. Sent faxes created since `open_from` are open.

    By default `open_from` is the creation time of the first of the newest three per cent.
    """
    rng = Random(seed)
    moments = spread(count, start, end, rng)
    open_from = open_from or newest(moments, end)
    faxes: list[Record] = []
    for id, moment in enumerate(moments, first_id):
        fax = _submitted(id, moment, rng) if rng.random() < 0.6 else _received(id, moment, rng)
        if faxes and faxes[-1]["status"] == "failure" and fax["direction"] == "sent":
            fax |= _resent(faxes[-1])
        faxes.append(_underway(fax) if moment >= open_from and fax["direction"] == "sent" else settled(fax))
    return faxes


def cast_for_demo(fax: Record) -> Record:
    """The fax between a clinic and another party of the demonstration; a sent one has the tag `customer`, mostly."""
    if fax["direction"] == "received":
        return fax | {"from_number": party(fax["from_number"]), "to_number": clinic(fax["to_number"])}
    numbers = [call["phone_number"] for call in fax["recipients"]]
    recipients = [call | {"phone_number": party(call["phone_number"])} for call in fax["recipients"]]
    tags = fax["tags"] | ({"customer": customer(numbers[0])} if fax["caller_id"] else {})
    return fax | {"caller_id": clinic(fax["caller_id"] or numbers[0]), "tags": tags, "recipients": recipients}


def _fax(id: int, moment: datetime, direction: str) -> Record:
    head = {"id": id, "direction": direction, "num_pages": 0, "status": "queued", "is_test": False}
    times = {"created_at": printed(moment), "caller_id": None, "from_number": None, "completed_at": None}
    rest: Record = {"caller_name": None, "cost": 0, "tags": {}, "recipients": [], "to_number": None}
    return head | times | rest | {"error_id": None, "error_type": None, "error_message": None, "barcodes": []}


def _submitted(id: int, moment: datetime, rng: Random) -> Record:
    chance = rng.random()
    count = 1 if chance < 0.9 else 2 if chance < 0.97 else 3 if chance < 0.99 else 5
    numbers = [random_number(rng) for _ in range(count)]
    if len(numbers) == 3:
        numbers[2] = numbers[0]  # the same number twice, which only the position distinguishes
    names = rng.sample(TAGS, int(rng.random() * 4))
    fax = _fax(id, moment, "sent")
    fax["is_test"] = rng.random() < 0.02
    fax["caller_id"] = random_number(rng) if rng.random() < 0.8 else None
    fax["tags"] = {name: f"{name[:1].upper()}-{int(rng.random() * 2000)}" for name in names}
    fax["recipients"] = [_recipient(number) for number in numbers]
    return fax


def _received(id: int, moment: datetime, rng: Random) -> Record:
    fax = _fax(id, moment, "received") | {"from_number": random_number(rng), "to_number": random_number(rng)}
    if rng.random() < 0.3:
        fax["caller_name"] = rng.choice(("ACME CLINIC", "Café Zoë", "UNKNOWN"))
    if rng.random() < 0.03:
        code = {"type": "CODE_128", "page": 1, "value": f"PX{id}", "identifier": None, "metadata": None}
        fax["barcodes"] = [code]
    return fax


def _recipient(number: str) -> Record:
    call = {"phone_number": number, "status": None, "retry_count": 0, "completed_at": None}
    return call | {"bitrate": None, "resolution": None} | NO_ERROR


def _resent(fax: Record) -> Record:
    recipients = [_recipient(recipient["phone_number"]) for recipient in fax["recipients"]]
    return {"caller_id": fax["caller_id"], "tags": fax["tags"], "recipients": recipients} if recipients else {}


def _error(rng: Random) -> Record:
    return dict(zip(("error_id", "error_type", "error_message"), rng.choice(ERRORS), strict=True))


def _price(fax: Record) -> int:
    return 10 if fax["id"] % 4 == 0 else 7  # cents per sheet and recipient


def _underway(fax: Record) -> Record:
    status = OPEN[fax["id"] % 3]
    if status != "inprogress":
        return fax | {"status": status}
    calls = []
    for position, recipient in enumerate(fax["recipients"]):
        state = RECIPIENTS_UNDERWAY[(fax["id"] // 3 + position) % 5]
        calls.append(recipient | {"status": state, "retry_count": int(state == "willretry")})
    pages = SHEETS[fax["id"] % len(SHEETS)]
    return fax | {"status": status, "num_pages": pages, "recipients": calls, "cost": _price(fax) * pages * len(calls)}


def settled(fax: Record, at: datetime | None = None) -> Record:
    """The final fax, which its id alone determines; completed at `at` or later, and failed recipients are free."""
    rng = Random(fax["id"])
    done = datetime.fromisoformat(fax["created_at"]).astimezone(UTC) + timedelta(seconds=20 + int(rng.random() * 580))
    completed_at = printed(max(done, at or done))
    pages = fax["num_pages"] or rng.choice(SHEETS)
    calls = [_ended(recipient, rng, completed_at) for recipient in fax["recipients"]]
    ends = [call["status"] for call in calls] or ["success" if rng.random() < 0.97 else "failure"]
    succeeded = ends.count("success")
    status = "success" if succeeded == len(ends) else "partialsuccess" if succeeded else "failure"
    free = fax["is_test"] and fax["id"] % 2 == 0
    error = {} if succeeded else next((_error_of(call) for call in calls), _error(rng))
    end = {"status": status, "num_pages": pages, "completed_at": completed_at, "recipients": calls}
    return fax | end | error | {"cost": 0 if free else _price(fax) * pages * succeeded}


def _error_of(call: Record) -> Record:
    return {name: call[name] for name in ("error_id", "error_type", "error_message")}


def _ended(call: Record, rng: Random, completed_at: str) -> Record:
    good = rng.random() < 0.9 or call["status"] == "success"
    retries = call["retry_count"] if good else 3
    line = {"bitrate": rng.choice((9600, 14400, 33600)), "resolution": 8040} if good else _error(rng)
    return (
        call | {"status": "success" if good else "failure", "retry_count": retries, "completed_at": completed_at} | line
    )
