"""A model of costs in plain Python: random faxes, and the results that the views must have for them."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from hypothesis import strategies as st

Record = dict[str, Any]
MICRO = Decimal("0.000001")
NUMBERS = ("+12065550100", "+13125550101", "+442071838750", "+35812345678", "anonymous", None)
START = datetime(2026, 2, 25, tzinfo=UTC)
FINAL = ("success", "failure", "partialsuccess")

numbers = st.sampled_from(NUMBERS)
instants = st.one_of(
    st.integers(0, 3000).map(lambda second: datetime(2026, 3, 8, 7, tzinfo=UTC) + timedelta(seconds=second)),
    st.integers(0, 54 * 24 * 60).map(lambda minute: START + timedelta(minutes=minute)),
)
whole_cents = st.integers(0, 200).map(Decimal)
cents = st.one_of(st.none(), whole_cents, whole_cents, st.decimals(-50, 200, places=6))
dollars = st.one_of(
    st.none(), st.decimals(-1, 3, places=6), st.integers(0, 300).map(lambda whole: Decimal(whole) / 100)
)
pages = st.sampled_from((None, 0, 1, 1, 3))
accounts = st.sampled_from(("default", "default", "east"))
tags = st.dictionaries(st.sampled_from(("customer", "job", "")), st.sampled_from(("a", "b", "", None)), max_size=3)
calls = st.fixed_dictionaries(
    {
        "phone_number": numbers,
        "status": st.sampled_from((*FINAL, "failure", "inprogress", "willretry", "novelty", None)),
        "retry_count": st.sampled_from((None, 0, 0, 1, 3)),
        "completed_at": st.one_of(st.none(), instants),
        "error_type": st.sampled_from((None, "lineError", "faxError")),
        "error_id": st.sampled_from((None, 34)),
    }
)
phaxio_faxes = st.fixed_dictionaries(
    {
        "account": accounts,
        "direction": st.sampled_from(("sent", "sent", "sent", "received", "sideways", None)),
        "status": st.sampled_from((*FINAL, *FINAL, "queued", "inprogress", "novelty", None)),
        "is_test": st.sampled_from((False, False, False, True, None)),
        "created_at": instants,
        "caller_id": numbers,
        "from_number": st.sampled_from((None, "+12065550199")),
        "to_number": st.sampled_from((None, "+12065550100")),
        "num_pages": pages,
        "cost": cents,
        "recipients": st.lists(calls, max_size=5),
        "tags": tags,
    }
)
compat_faxes = st.fixed_dictionaries(
    {
        "direction": st.sampled_from(("outbound", "inbound", None)),
        "status": st.sampled_from(("delivered", "received", "failed", "sending", "novelty", None)),
        "num_pages": pages,
        "price": dollars,
        "price_unit": st.sampled_from(("USD", "USD", "EUR", None)),
        "duration": st.sampled_from((None, 0, 41)),
    }
)
signalwire_logs = st.fixed_dictionaries(
    {
        "account": accounts,
        "direction": st.sampled_from(("outbound-api", "outbound-api", "outbound-dial", "inbound", None)),
        "status": st.sampled_from(("completed", "completed", "failed", "busy", "delivered", "in-progress", "novelty")),
        "created_at": instants,
        "from": numbers,
        "to": numbers,
        "number_of_pages": pages,
        "charge": dollars,
        "error_code": st.sampled_from((None, "", "34004")),
        "discarded_at": st.one_of(st.none(), st.none(), instants),
        "is_listed": st.sampled_from((True, True, True, False)),
        "fax": st.one_of(st.none(), compat_faxes),
    }
)


def dollars_of(fax: Record) -> Decimal | None:
    """The cost of a Phaxio fax, US dollars."""
    return None if fax["cost"] is None else (fax["cost"] / 100).quantize(MICRO, ROUND_HALF_UP)


def charge_of(log: Record) -> Decimal:
    """The cost of a SignalWire fax: from the list of logs if it has the fax, else from the other list."""
    if log["is_listed"]:
        return log["charge"] or Decimal(0)
    return abs(log["fax"]["price"] or Decimal(0)) if log["fax"] and log["fax"]["price_unit"] == "USD" else Decimal(0)


def shares(fax: Record) -> list[Decimal]:
    """The cost of each recipient of a Phaxio fax: whole cents; the first recipients carry the remaining cents."""
    cost, recipients = dollars_of(fax) or Decimal(0), fax["recipients"] or [{"status": None}]
    failed = [call["status"] == "failure" for call in recipients]
    excused = fax["status"] in FINAL and not all(failed)
    carriers = [place for place, has_failed in enumerate(failed) if not (excused and has_failed)]
    parts = [Decimal(0)] * len(recipients)
    each, left_over = divmod(int((cost * 100).to_integral_value("ROUND_FLOOR")), len(carriers))
    for place, carrier in enumerate(carriers):
        parts[carrier] = Decimal(each + (place < left_over)) / 100
    parts[carriers[0]] += cost - sum(parts)
    return parts


def phaxio_rows(faxes: list[Record]) -> Iterator[tuple[str, Record]]:
    """The (table, row) pairs of Phaxio's raw tables for these faxes. The id of a fax is its position in the list."""
    for id, fax in enumerate(faxes):
        keys = {"account": fax["account"], "_dlt_load_id": "1"}
        own = {name: value for name, value in fax.items() if name not in ("recipients", "tags")}
        yield "faxes", {**own, "id": id, "tags": json.dumps(fax["tags"])}
        for position, call in enumerate(fax["recipients"]):
            yield "fax_recipients", {**keys, "fax_id": id, "position": position, **call}
        for position, (name, value) in enumerate(fax["tags"].items()):
            yield "fax_tags", {**keys, "fax_id": id, "position": position, "name": name, "value": value}


def signalwire_rows(logs: list[Record]) -> Iterator[tuple[str, Record]]:
    """The (table, row) pairs of SignalWire's raw tables for these logs. The id of a log is its position in the list."""
    for id, log in enumerate(logs):
        own = {name: value for name, value in log.items() if name not in ("is_listed", "fax")}
        if log["is_listed"]:
            yield "fax_logs", {**own, "id": f"log-{id}", "url": f"https://acme.signalwire.com/api/laml/Faxes/fax-{id}"}
        if log["fax"]:
            both = {name: log[name] for name in ("account", "from", "to")}
            yield "compat_faxes", {**both, **log["fax"], "id": f"fax-{id}", "date_created": log["created_at"]}
