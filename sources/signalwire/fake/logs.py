"""Generates plausible fax logs as SignalWire prints them, and makes open logs final.

https://signalwire.com/docs/apis/rest/fax-logs/list-fax-logs and /docs/apis/core/data-formats, read November 2026.
"""

from datetime import UTC, datetime
from random import Random
from uuid import UUID
from zlib import crc32

from sources.fakes.cast import clinic, party, random_number
from sources.fakes.history import history
from sources.fakes.store import Record
from sources.signalwire.fake.data import OPEN, UNCONNECTED

CHARGES = (0.01, 0.0105, 0.0205, 0.03, 0.0615)  # dollars
DETAILS = ("Inbound Fax Minutes", "Outbound Fax Minutes", "Fax Page Surcharge", "SIP Trunk")
DROPPED = {"error_code": "34004", "error_message": "The call dropped prematurely"}
ODD_PARTIES = (None, "sip:fax@pbx.example.com", "anonymous")
LAML = "https://demo.signalwire.com/api/laml/2010-04-01/Accounts/sw-project/Faxes/"


def printed(at: datetime) -> str:
    """The time as SignalWire prints it: UTC, whole seconds, `Z`."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def with_milliseconds(log: Record) -> Record:
    """The log with milliseconds in `created_at`, which its id determines unless it has them already."""
    at = log["created_at"]
    return log if "." in at else log | {"created_at": f"{at[:19]}.{crc32(log['id'].encode()) % 1000:03d}{at[19:]}"}


def generate(
    count: int, *, start: datetime, end: datetime, seed: int = 0, open_from: datetime | None = None
) -> list[Record]:
    """`count` logs of [start, end), in order of creation; see `history`."""
    return history(count, start, end, seed, open_from, _initiated, settled, OPEN)


def cast_for_demo(log: Record) -> Record:
    """The log between a clinic and another party of the demonstration; what is no number stays as it is."""
    roles = (party, clinic) if log["direction"] == "inbound" else (clinic, party)
    parties = {key: role(log[key]) for key, role in zip(("from", "to"), roles, strict=True) if "+" in (log[key] or "")}
    return log | parties


def _initiated(moment: datetime, rng: Random) -> Record:
    chance = rng.random()
    direction = "inbound" if chance < 0.4 else "outbound-api" if chance < 0.9 else "outbound-dial"
    return {
        "id": _uuid(rng),
        "from": _party(rng),
        "to": _party(rng),
        "status": "queued",
        "direction": direction if rng.random() < 0.98 else None,
        "source": "laml",
        "type": "laml_call",
        "url": LAML + _uuid(rng),
        "remote_station": "sip:fax-server@10.0.0.7" if rng.random() < 0.02 else None,
        "charge": 0.0,
        "number_of_pages": None,
        "quality": None,
        "charge_details": [],
        "created_at": printed(moment),
        "error_code": None,
        "error_message": None,
    }


def _uuid(rng: Random) -> str:
    return str(UUID(int=rng.getrandbits(128), version=4))


def _party(rng: Random) -> str | None:
    if rng.random() < 0.03:
        return rng.choice(ODD_PARTIES)
    return random_number(rng)


def settled(log: Record) -> Record:
    """The final log, which its id alone determines: some calls do not connect, and some completed faxes fail."""
    rng = Random(log["id"])
    chance = rng.random()
    if chance < 0.08:
        return log | _unconnected(rng)
    end = {"status": "completed", "quality": rng.choice(("standard", "fine", "fine", "superfine", None))}
    if chance < 0.14:
        end["status"] = "received" if log["direction"] == "inbound" else "delivered"
    pages = None if rng.random() < 0.03 else rng.choice((1, 1, 1, 2, 2, 3, 5, 9, 24))
    if chance > 0.94:
        end |= DROPPED
        pages = rng.choice((None, 0, 1))
    return log | end | {"number_of_pages": pages} | _charges(rng)


def _unconnected(rng: Random) -> Record:
    charge = rng.choice((0.0, 0.0, 0.0105))  # call time is billed even without a fax
    return {"status": rng.choice(UNCONNECTED), "number_of_pages": rng.choice((None, 0)), "charge": charge}


def _charges(rng: Random) -> Record:
    charges = [rng.choice(CHARGES) for _ in range(int(rng.random() * 4))]
    unlisted = 0.01 if rng.random() < 0.01 else 0.0  # the details need not add up to the charge
    lines = [{"description": name, "charge": charge} for name, charge in zip(DETAILS, charges, strict=False)]
    return {"charge": round(sum(charges or [rng.choice(CHARGES)]) + unlisted, 4), "charge_details": lines}
