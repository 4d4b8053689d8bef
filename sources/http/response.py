"""What an answer of a provider is: a JSON document, or an error that says what to do."""

from typing import Any

import requests

from sources.errors import AuthError, ContractError, Moved, Refused
from sources.http import origin, retry, strict_json

_LARGE = 4 << 20  # bytes; a page of a thousand faxes is a quarter of that
_MOST_VALUES = 1_000_000  # of a large page: a thousand faxes of a thousand values each


class Garbled(ContractError):
    """A 200 whose JSON does not parse, as when it was cut: it is asked for again."""


def document_of(provider: str, response: requests.Response, body: bytes) -> Any:
    """The JSON document that a provider answered with.

    Raises:
        AuthError: 401 or 403.
        ProviderDown: a status that another try may mend.
        Moved: a redirect.
        ContractError: no JSON; `Garbled` if it claims to be.
        Refused: any other status.
    """
    status = response.status_code
    _require_room(provider, body)
    if status in (401, 403):
        raise AuthError(f"{provider} refused the credentials (HTTP {status}): check the key and its scope")
    if status in retry.TRANSIENT_STATUSES:
        raise retry.transient_error(provider, response)
    if 300 <= status < 400:
        host = origin.host(response.headers.get("Location", ""))
        raise Moved(f"{provider} redirects to {host}, which is never followed: check base_url")
    try:
        document = strict_json.parse(body)
    except ValueError as error:
        document = None
        if status == 200:
            raise _no_json(provider, response, error) from None
    if status != 200:
        raise Refused(f"{provider} refused the request (HTTP {status})", status, document)
    return document


def _require_room(provider: str, body: bytes) -> None:
    """Raises:
    ContractError: parsed, it would take many times its size in memory, as three bytes of JSON may take a hundred.
    """
    if len(body) > _LARGE and sum(map(body.count, (b"{", b"[", b","))) > _MOST_VALUES:
        raise ContractError(f"{provider} sent a page of more than {_MOST_VALUES:,} values")


def _no_json(provider: str, response: requests.Response, error: ValueError) -> ContractError:
    kind = response.headers.get("Content-Type", "no content type").partition(";")[0][:40]
    error_class = Garbled if "json" in kind else ContractError
    return error_class(f"{provider}: expected a JSON page, got {kind!r} ({error})")
