"""Reads SignalWire's list of fax logs: pages chained by links with tokens, no total, a limited history.

Source: https://signalwire.com/docs/apis/rest/fax-logs/list-fax-logs, read November 2026. Observed in other logs
of SignalWire: newest first. Not documented: whether a link keeps the filters, and how bounds are read.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from sources.errors import ContractError, Refused, shape
from sources.extract.page import HistoryLimit, NextPageRefused, Page, fetch_record, parse_records
from sources.extract.window_sizing import BARE_DATES, TIMESTAMPS, BoundForm
from sources.http.client import Client
from sources.records.coerce import parse_instant
from sources.records.schema import Record
from sources.window import Window

ENDPOINT = "fax/logs"
PAGE_SIZE = 1000  # SignalWire's maximum; its default is 50
EARLIEST = datetime(2018, 1, 1, tzinfo=UTC)  # before SignalWire was founded
_OF_ONE = {"page_size": "1"}  # a page that must have a link, if there is more than one log
WIDEST_WINDOW = timedelta(days=90)  # without a total, no answer shows that a window is too wide
BOUND_FORMS: tuple[BoundForm, ...] = (TIMESTAMPS, BARE_DATES)  # dates are documented; timestamps request fewer faxes


def fetch_pages(client: Client, window: Window, form: BoundForm = TIMESTAMPS) -> Iterator[Page]:
    """The pages of logs created in the window; logs up to a day outside it may be among them.

    The last page is the one without `links.next`. If that is the first page, and a full one, one request more finds
    out whether links have this name; if not, the window has to be split. A link may lack the filters and
    `include_deleted`: they are added to it. A provider that ignores them continues through all logs: the caller may
    stop at any page.

    Raises:
        HistoryLimit: the window begins before the oldest log that SignalWire keeps.
        NextPageRefused: SignalWire refuses a link that it gave.
        ContractError: the answer is not `{"links": {…}, "data": [log, …]}`, or a link repeats.
    """
    link: str | None = ENDPOINT
    params = {
        "created_after": form.write(window.start),
        "created_before": form.write(window.end),
        "include_deleted": "true",
        "page_size": str(PAGE_SIZE),
    }
    followed: set[str] = set()
    while link is not None:
        try:
            records, link = _read(_get(client, link, _lacking(link, params)))
        except Refused as refused:
            if not followed:
                raise
            raise NextPageRefused from refused
        is_full = link is None and not followed and len(records) >= PAGE_SIZE
        yield Page(records, beyond_count=is_full and _read(_get(client, ENDPOINT, params | _OF_ONE))[1] is None)
        if link is not None and (link := client.resolve(link)) in followed:
            raise ContractError("SignalWire: a next link was followed before: the pages go round in a circle")
        followed.add(link or "")


def fetch_fax(client: Client, fax_id: str) -> Record | None:
    """One log by its id, `{"id": str, "status": str, …}`; None if SignalWire no longer has or shows it.

    Raises:
        ContractError: the answer is not a log.
    """
    try:
        return fetch_record("SignalWire", lambda: _get(client, f"{ENDPOINT}/{quote(fax_id, safe='')}", None), "a log")
    except HistoryLimit:
        return None


def _lacking(link: str, params: dict[str, str]) -> dict[str, str]:
    """The parameters that the query of a link does not have."""
    there = dict(parse_qsl(urlsplit(link).query, keep_blank_values=True))
    return {name: text for name, text in params.items() if name not in there}


def _get(client: Client, link: str, params: dict[str, str] | None) -> Any:
    try:
        return client.get(link, params)
    except Refused as refused:
        limit = _history_limit(refused.document)
        if limit is None:
            raise
        raise HistoryLimit(limit) from refused


def _history_limit(document: Any) -> datetime | None:
    """The date in `{"errors": [{"code": "exceeds_history_logs_limit", "message": "… the 2025-02-09 date …"}]}`."""
    errors = document.get("errors") if isinstance(document, dict) else None
    for error in errors if isinstance(errors, list) else []:
        if isinstance(error, dict) and error.get("code") == "exceeds_history_logs_limit":
            date = re.search(r"\d{4}-\d{2}-\d{2}", str(error.get("message")))
            return parse_instant(date.group()) if date else None
    return None


def _read(answer: Any) -> tuple[list[Record], str | None]:
    if not isinstance(answer, dict):
        raise ContractError(f"SignalWire: expected an object, got {shape(answer)}")
    records, links = parse_records("SignalWire", answer.get("data")), answer.get("links")
    if not isinstance(links, dict):
        raise ContractError(f'SignalWire: expected "links" to be an object, got {shape(links)}')
    link = links.get("next")
    if link is not None and not isinstance(link, str):
        raise ContractError(f'SignalWire: expected "links.next" to be a URL, got {shape(link)}')
    return records, link or None
