"""Reads Sinch's list of faxes: numbered pages, a total where it comes, thirteen months of history.

Source: https://developers.sinch.com/docs/fax/api-reference/fax/faxes/, read November 2026. Observed in Sinch's clients:
the names of the range parameters, pages from 1. Not documented: the order, the name of the page's number in the answer,
whether a total comes, and what an older window answers.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import quote

from sources.errors import ContractError, shape
from sources.extract.numbered_pages import NumberedPage, numbered_pages, whole_number
from sources.extract.page import HistoryLimit, Page, fetch_record, parse_records
from sources.extract.window_sizing import BARE_DATES, TIMESTAMPS, BoundForm
from sources.http.client import Client
from sources.records.schema import Record
from sources.window import SECOND, Window

ENDPOINT = "faxes"
PAGE_SIZE = 1000  # Sinch's maximum; its default is 100
MAX_RECORDS = 10_000  # assumed: no ceiling is documented, and a window beyond it is split
KEPT_MONTHS = 13  # how long Sinch keeps the log of a fax
EARLIEST = datetime(2023, 1, 1, tzinfo=UTC)  # before the first fax of version 3
WIDEST_WINDOW = timedelta(days=90)  # without a total, no answer shows that a window is too wide
URLS = ("contentUrl", "callbackUrl")
KEYS_OF_URL = re.compile(r"(?<=://)[^/?#]*@|[?#].*", re.DOTALL)  # user and password; query and fragment
BOUND_FORMS: tuple[BoundForm, ...] = (TIMESTAMPS, BARE_DATES)


def fetch_pages(client: Client, window: Window, form: BoundForm = TIMESTAMPS) -> Iterator[Page]:
    """The pages of faxes created in the window; faxes up to a second outside it may be among them.

    Pages are counted here, because the name of the page's number in the answer is not documented.

    Raises:
        HistoryLimit: the window begins before the oldest fax that Sinch keeps, for which it answers an empty page.
        ContractError: the answer is not `{"faxes": [fax, …], …}`.
    """

    def fetch(span: Window, number: int) -> NumberedPage:
        # Always both bounds: without them Sinch lists only the last week. The names end in `>` and `<`.
        bounds = {"createTime>": form.write(span.start), "createTime<": form.write(span.end)}
        return _read(client.get(ENDPOINT, {**bounds, "pageSize": str(PAGE_SIZE), "page": str(number)}))

    if window.start < history_floor(now := client.earlier_time()):  # what is a gap is never read again
        if not client.has_server_time:  # by this machine's clock alone, which may be ahead
            fetch(Window(now - SECOND, now), 1)
        if window.start < (floor := history_floor(client.earlier_time())):
            raise HistoryLimit(floor)
    yield from numbered_pages(partial(fetch, window), PAGE_SIZE, MAX_RECORDS, client.connections)


def history_floor(now: datetime) -> datetime:
    """The day, UTC, before which Sinch keeps no log of a fax."""
    months = now.year * 12 + now.month - 1 - KEPT_MONTHS
    return datetime(months // 12, months % 12 + 1, min(now.day, 28), tzinfo=UTC)


def fetch_fax(client: Client, fax_id: str) -> Record | None:
    """One fax by its id, `{"id": str, "status": str, …}`; None if Sinch no longer has it.

    Raises:
        ContractError: the answer is not a fax.
    """
    fax = fetch_record("Sinch", lambda: client.get(f"{ENDPOINT}/{quote(fax_id, safe='')}"))
    if fax and isinstance(fax.get("data"), dict):  # observed: one client of Sinch's unwraps it
        fax = fax["data"]
    return None if fax is None else without_keys(fax)


def without_keys(fax: Record) -> Record:
    """The fax without what its URLs may have to authorize a request."""
    return fax | {name: _bare(fax[name]) for name in URLS if name in fax}


def _read(answer: Any) -> NumberedPage:
    if not isinstance(answer, dict):
        raise ContractError(f"Sinch: expected an object, got {shape(answer)}")
    size, pages, total = (whole_number(answer.get(name)) for name in ("pageSize", "totalPages", "totalItems"))
    records = [without_keys(fax) for fax in parse_records("Sinch", answer.get("faxes"), "faxes")]
    return NumberedPage(Page(records, total, total is not None and total > MAX_RECORDS), size, pages)


def _bare(url: Any) -> Any:
    if isinstance(url, list):
        return [_bare(one) for one in url]
    return KEYS_OF_URL.sub("", url) if isinstance(url, str) else url
