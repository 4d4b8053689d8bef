"""Reads Phaxio's list of faxes: numbered pages, newest first, with a total up to 10,000.

Source: https://www.phaxio.com/docs/api/v2/faxes/list_faxes and https://www.phaxio.com/docs/api/v2/intro/paging, read
November 2026.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pendulum

from sources.errors import ContractError, shape
from sources.extract.numbered_pages import NumberedPage, numbered_pages, whole_number
from sources.extract.page import MonthCount, Page, fetch_record, parse_records
from sources.extract.window_sizing import TIMESTAMPS, BoundForm
from sources.http.client import Client
from sources.records.coerce import coerce
from sources.records.schema import Record
from sources.window import Window

ENDPOINT = "faxes"
STATUS = "account/status"
PER_PAGE = 1000  # Phaxio's maximum; its default is 25
COUNTED = 10_000  # Phaxio's highest total; beyond it the total is ">10000"
EARLIEST = datetime(2010, 1, 1, tzinfo=UTC)  # before Phaxio was founded
MONTH_ZONES = ("America/Chicago", "UTC", "America/New_York", "America/Los_Angeles")  # one begins Phaxio's month
WIDEST_WINDOW = timedelta(days=366 * 30)  # the total shows when to split a window
BOUND_FORMS: tuple[BoundForm, ...] = (TIMESTAMPS,)  # RFC 3339, documented


def fetch_pages(client: Client, window: Window, form: BoundForm = TIMESTAMPS) -> Iterator[Page]:
    """The pages of faxes created in the window; faxes up to a second outside it may be among them.

    Raises:
        ContractError: the answer is not `{"success": true, "data": [fax, …], "paging": {…}}`.
    """
    # Always both bounds: without `created_after` Phaxio lists only the last week.
    bounds = {"created_after": form.write(window.start), "created_before": form.write(window.end)}

    def fetch(number: int) -> NumberedPage:
        return _read(client.get(ENDPOINT, {**bounds, "per_page": str(PER_PAGE), "page": str(number)}))

    yield from numbered_pages(fetch, PER_PAGE, COUNTED, client.connections)


def fetch_fax(client: Client, fax_id: int) -> Record | None:
    """One fax by its id, `{"id": int, "status": str, …}`; None if Phaxio no longer has it.

    Raises:
        ContractError: the answer is not `{"success": true, "data": fax}`.
    """
    answer = fetch_record("Phaxio", lambda: client.get(f"{ENDPOINT}/{fax_id}"), "an object")
    if answer is None:
        return None
    _require_success(answer)
    if not isinstance(answer.get("data"), dict):
        raise ContractError(f'Phaxio: expected "data" to be a fax, got {shape(answer.get("data"))}')
    fax: Record = answer["data"]
    return fax


def count_this_month(client: Client, now: datetime) -> MonthCount:
    """Phaxio's own count of the faxes of the current month, sent and received.

    Not documented: the time zone of the month, for which US Central is assumed first, and whether a fax to three
    numbers counts once or three times.
    Source: https://www.phaxio.com/docs/api/v2/account/status, read November 2026.

    Raises:
        ContractError: the answer is not `{"success": true, "data": {"faxes_this_month": {"sent": int, …}}}`.
    """
    answer = client.get(STATUS)
    _require_success(answer)
    try:
        counts = answer["data"]["faxes_this_month"]
        faxes = int(counts["sent"]) + int(counts["received"])
    except (KeyError, TypeError, ValueError):
        raise ContractError('Phaxio: expected "faxes_this_month" to have the counts "sent" and "received"') from None
    local = [pendulum.instance(now).in_timezone(zone).start_of("month") for zone in MONTH_ZONES]
    spans = [Window(datetime.fromtimestamp(first.timestamp(), UTC), now) for first in local]
    return MonthCount(faxes, tuple(spans), "fax_recipients")


def fetch_balance(client: Client) -> Decimal:
    """The account's balance in US dollars, negative after faxes were received on credit; without a retry.

    Source: https://www.phaxio.com/docs/api/v2/account/status, read November 2026: in cents.

    Raises:
        ContractError: the answer is not `{"success": true, "data": {"balance": int, …}}`.
    """
    answer = client.get(STATUS, with_retries=False)
    _require_success(answer)
    try:
        return Decimal(coerce(answer["data"]["balance"], "decimal")) / 100
    except (KeyError, TypeError, ValueError):
        raise ContractError('Phaxio: expected "balance" to be a number of cents') from None


def _require_success(answer: Any) -> None:
    if not isinstance(answer, dict):
        raise ContractError(f"Phaxio: expected an object, got {shape(answer)}")
    if answer.get("success") is not True:
        raise ContractError(f'Phaxio: expected "success" to be true, got {json.dumps(answer.get("success"))[:20]}')


def _read(answer: Any) -> NumberedPage:
    _require_success(answer)
    records, paging = parse_records("Phaxio", answer.get("data")), answer.get("paging")
    if not isinstance(paging, dict):
        raise ContractError(f'Phaxio: expected "paging" to be an object, got {shape(paging)}')
    total = whole_number(paging.get("total"))
    beyond = paging.get("total") == f">{COUNTED}" or (total is not None and total > COUNTED)
    return NumberedPage(Page(records, total, beyond), whole_number(paging.get("per_page")))
