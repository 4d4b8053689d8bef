"""The JSON document of a response, or the error that its status or body stands for."""

from typing import Any
from urllib.parse import urljoin

import requests

from sources.errors import AuthError, ContractError, Forbidden, Moved, ProviderDown, Refused
from sources.http import origin, retry, strict_json

_LARGE = 4 << 20  # bytes, four times a page of a thousand faxes
_REMEDY = "check {}; if it is right and this lasts, report this message"
_MAX_VALUES = 1_000_000  # in a large page: a thousand faxes with a thousand values each


class Garbled(ContractError):
    """A 200 whose JSON cannot be parsed, for example because it was cut. The request is retried."""


def document_of(provider: str, response: requests.Response, body: bytes, setting: str = "base_url") -> Any:
    """The JSON document of a provider's response to a URL of this setting.

    Raises:
        AuthError: 401, 402 or 403 (`Forbidden`).
        ProviderDown: a transient status, or a body of unknown length that ends early.
        Moved: a redirect.
        ContractError: the body is not JSON (`Garbled` if its content type is JSON), or has too many values.
        Refused: any other status.
    """
    status = response.status_code
    _require_few_values(provider, body)
    if status in (401, 403):
        error_class = Forbidden if status == 403 else AuthError
        raise error_class(f"{provider} refused the credentials (HTTP {status}): check the key and its scope")
    if status == 402:
        raise AuthError(
            f"{provider} wants a payment first (HTTP 402): check the balance and the payment method of the account"
        )
    if status in retry.TRANSIENT_STATUSES:
        raise retry.transient_error(provider, response)
    if 300 <= status < 400:
        raise Moved(f"{provider} redirects to {_target(response)}, which is never followed: check {setting}")
    try:
        document = strict_json.parse(body)
    except ValueError as error:
        document = None
        if status == 200:
            if response.raw.length_remaining is None and strict_json.is_unfinished(body):
                raise ProviderDown(f"{provider} sent a page that ends early: run again later") from None
            raise _not_json(provider, response, error, setting) from None
    if status != 200:
        raise Refused(f"{provider} refused the request (HTTP {status}): {_REMEDY.format(setting)}", status, document)
    return document


def _target(response: requests.Response) -> str:
    """The host of a redirect in quotes, by its Location, which may be relative; nowhere without one."""
    location = response.headers.get("Location", "")
    try:
        return origin.host(urljoin(response.url, location)) if location else "nowhere"
    except ValueError:
        return "nowhere"


def _require_few_values(provider: str, body: bytes) -> None:
    """Requires a body with a bounded number of values: three bytes of JSON may take a hundred bytes once parsed.

    Raises:
        ContractError: a large body has more values.
    """
    if len(body) > _LARGE and sum(map(body.count, (b"{", b"[", b","))) > _MAX_VALUES:
        raise ContractError(f"{provider} sent a page of more than {_MAX_VALUES:,} values")


def _not_json(provider: str, response: requests.Response, error: ValueError, setting: str) -> ContractError:
    kind = response.headers.get("Content-Type", "no content type").partition(";")[0][:40]
    error_class = Garbled if "json" in kind else ContractError
    return error_class(
        f"{provider} sent a page that cannot be parsed as JSON: {error}, content type {kind!r}: "
        f"{_REMEDY.format(setting)}"
    )
