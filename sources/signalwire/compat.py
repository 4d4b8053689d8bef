"""Reads SignalWire's Compatibility list of faxes, which has the outcome of each fax; the fax log has that of its call.

Source: https://signalwire.com/docs/compatibility-api/rest/faxes/list-all-faxes, read November 2026. Documented:
`DateCreatedAfter` and `DateCreatedOnOrBefore`; pages chained by `next_page_uri`, null on the last. Observed: that URI
may lack the first part of the path, so that only its query is used. There is no total, and no limit of the history.
"""

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, quote

from sources.errors import ContractError, Refused, shape
from sources.extract.page import NextPageRefused, Page, fetch_record, parse_records
from sources.extract.window_sizing import TIMESTAMPS, BoundForm
from sources.http.client import Client
from sources.records.schema import Record
from sources.signalwire import api
from sources.window import Window

EARLIEST = api.EARLIEST
PAGE_SIZE = 1000  # the maximum of the Compatibility API; its default is 50
_OF_ONE = {"PageSize": "1"}  # a page that must have a next_page_uri, if there is more than one fax
WIDEST_WINDOW = api.WIDEST_WINDOW
BOUND_FORMS = api.BOUND_FORMS


def fetch_pages(client: Client, window: Window, form: BoundForm = TIMESTAMPS) -> Iterator[Page]:
    """The pages of faxes created in the window; faxes up to a day outside it may be among them.

    The last page is the one without `next_page_uri`. If that is the first page, and a full one, one request more finds
    out whether the URI has this name; if not, the window has to be split. Its query may lack the bounds: they are added
    to it. A provider that ignores them continues through all faxes: the caller may stop at any page.

    Raises:
        NextPageRefused: SignalWire refuses a link that it gave.
        ContractError: the answer is not `{"next_page_uri": …, "faxes": [fax, …]}`, or a link repeats.
    """
    params = own = {
        "DateCreatedAfter": form.write(window.start),
        "DateCreatedOnOrBefore": form.write(window.end),
        "PageSize": str(PAGE_SIZE),
    }
    followed: list[dict[str, str]] = []
    while True:
        try:
            records, query = _read(client.get(_path(client), params))
        except Refused as refused:
            if not followed:
                raise
            raise NextPageRefused from refused
        is_full = query is None and not followed and len(records) >= PAGE_SIZE
        yield Page(records, beyond_count=is_full and _read(client.get(_path(client), own | _OF_ONE))[1] is None)
        if query is None:
            return
        params = own | dict(parse_qsl(query))
        if params in followed:
            raise ContractError("SignalWire: a next_page_uri was followed before: the pages go round in a circle")
        followed.append(params)


def fetch_fax(client: Client, fax_id: str) -> Record | None:
    """One fax by its SID, `{"sid": str, "status": str, …}`; None if SignalWire no longer has it.

    Raises:
        ContractError: the answer is not a fax.
    """
    return fetch_record("SignalWire", lambda: client.get(f"{_path(client)}/{quote(fax_id, safe='')}"))


def _path(client: Client) -> str:
    return f"laml/2010-04-01/Accounts/{quote(client.user, safe='')}/Faxes"


def _read(answer: Any) -> tuple[list[Record], str | None]:
    """The records of a page, and the query of the next; None after the last page."""
    if not isinstance(answer, dict):
        raise ContractError(f"SignalWire: expected an object, got {shape(answer)}")
    records, link = parse_records("SignalWire", answer.get("faxes"), "faxes"), answer.get("next_page_uri")
    if link is not None and not isinstance(link, str):
        raise ContractError(f'SignalWire: expected "next_page_uri" to be a URI, got {shape(link)}')
    if not link:
        return records, None
    query = link.partition("?")[2].partition("#")[0]
    if not query:
        raise ContractError('SignalWire: expected "next_page_uri" to have a query, got one without')
    return records, query
