"""How a provider prints what all providers have: a page's records, a fax's time of creation, error message and cost."""

import json
import re
from collections.abc import Callable
from typing import Any

import sources
from sources.fakes.server import Answer, Request, json_answer

Document = dict[str, Any]
RECORDS = "data"  # the key of a page's records, for whoever changes it


def changed(told: Answer, change: Callable[[Document], Any]) -> Answer:
    """The answer with its document changed. For the change a page's records are under `data`, whatever their key is."""
    document = json.loads(told.body)
    key = _records_key(document)
    return json_answer(_renamed(change(_renamed(document, key, RECORDS)), RECORDS, key))


def created(provider: str, moment: Any) -> Document:
    """A fax's time of creation, printed so."""
    return {_key(provider, sources.provider(provider).TABLE.created_at): moment}


def created_at(provider: str, fax: Document) -> str:
    """The fax's time of creation as it is printed."""
    return str(fax[_key(provider, sources.provider(provider).TABLE.created_at)])


def error_message(provider: str, message: Any) -> Document:
    """A fax's error message."""
    return {_key(provider, "error_message"): message}


def cost(provider: str, cents: int) -> Document:
    """A fax's cost."""
    return {
        "phaxio": {"cost": cents},
        "signalwire": {"charge": cents / 100},
        "sinch": {"price": {"currencyCode": "USD", "amount": f"{cents / 100:.4f}"}},
    }[provider]


def asked_from(request: Request) -> str:
    """The earlier of the bounds that a request for a window carries; empty without any."""
    return min((text for text in request.query.values() if re.match(r"\d{4}-\d\d-\d\d", text)), default="")


def _key(provider: str, column: str) -> str:
    columns = {column.name: column for column in sources.provider(provider).TABLE.columns}
    return columns[column].key or column if column in columns else column


def _records_key(document: Document) -> str:
    """The key of a page's list; a fax, which has an `id`, may have lists of its own."""
    lists = [key for key, value in document.items() if isinstance(value, list)]
    return lists[0] if lists and "id" not in document else RECORDS


def _renamed(document: Any, old: str, new: str) -> Any:
    if not isinstance(document, dict):
        return document
    return {new if key == old else key: value for key, value in document.items()}
