"""The provider's keys for what all providers have: records of a page, creation time, error message and cost."""

import json
import re
from collections.abc import Callable
from typing import Any

import sources
from sources.fakes.server import Answer, Request, json_answer

Document = dict[str, Any]
RECORDS = "data"  # the key of a page's records, for whoever changes it


def changed(told: Answer, change: Callable[[Document], Any]) -> Answer:
    """The response with its document changed. During the change, the records of a page are under `data`."""
    document = json.loads(told.body)
    key = _records_key(document)
    return json_answer(_renamed(change(_renamed(document, key, RECORDS)), RECORDS, key))


def created(provider: str, moment: Any) -> Document:
    """The provider's field for this creation time."""
    return {_key(provider, sources.provider(provider).TABLE.created_at): moment}


def created_at(provider: str, fax: Document) -> str:
    """The creation time of a fax, as the provider prints it."""
    return str(fax[_key(provider, sources.provider(provider).TABLE.created_at)])


def error_message(provider: str, message: Any) -> Document:
    """The provider's field for this error message."""
    return {_key(provider, "error_message"): message}


def cost(provider: str, cents: int) -> Document:
    """The provider's field for this cost."""
    costs: dict[str, Document] = {
        "phaxio": {"cost": cents},
        "signalwire": {"charge": cents / 100},
        "sinch": {"price": {"currencyCode": "USD", "amount": f"{cents / 100:.4f}"}},
    }
    return costs[provider]


def asked_from(request: Request) -> str:
    """The lower bound of a request for a window; empty without one."""
    return min((text for text in request.query.values() if re.match(r"\d{4}-\d\d-\d\d", text)), default="")


def _key(provider: str, column: str) -> str:
    columns = {column.name: column for column in sources.provider(provider).TABLE.columns}
    return columns[column].key or column if column in columns else column


def _records_key(document: Document) -> str:
    """The key of the list of records in a page."""
    lists = [key for key, value in document.items() if isinstance(value, list)]
    return lists[0] if lists and "id" not in document else RECORDS


def _renamed(document: Any, old: str, new: str) -> Any:
    if not isinstance(document, dict):
        return document
    return {new if key == old else key: value for key, value in document.items()}
