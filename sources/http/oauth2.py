"""OAuth2 client credentials: requests an access token from its own origin, and sends it as a Bearer token.

Source: RFC 6749, section 4.4, and RFC 6750. A token is kept in memory only.
"""

import re
import time
from collections.abc import Callable
from dataclasses import replace
from threading import Lock
from typing import Any

import requests
import urllib3
from requests.auth import AuthBase

from sources.errors import AuthError, ConfigError, ContractError, Moved, ProviderDown, Refused, shape
from sources.http import origin
from sources.http.connection_error import connection_error
from sources.http.limits import DEFAULT_LIMITS, Limits
from sources.http.response import document_of
from sources.http.session import session
from sources.http.transport import ResponseLimits

MARGIN_SECONDS = 60.0  # a token is renewed this long before it expires
LONGEST_SECONDS = 86_400.0  # a server may send a number of any size
DEFAULT_SECONDS = 300.0  # RFC 6749 lets a server leave `expires_in` out
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*", re.ASCII)  # RFC 6750
_MAX_BYTES = 1 << 16
_MAX_SECONDS = 30.0  # a token is small: a run that should end must not wait long for it


class ClientCredentials(AuthBase):
    """Authorizes requests with a token that it requests with user and password. It is thread-safe.

    The token is renewed before it expires, and if a request is answered with 401. If the new one is answered with 401
    too, the key lacks a right. If a token has worked before, also for another request, the provider may not know the
    new one yet: then the request may be tried again. Tests replace `clock`.
    """

    def __init__(
        self,
        auth_url: str,
        credentials: tuple[str, str],
        provider: str,
        limits: Limits = DEFAULT_LIMITS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        origin.require_tls(auth_url, "auth_url")
        self._url, self._credentials = auth_url, credentials
        self._provider, self._endpoint = provider, f"the token endpoint of {provider}"
        self._limits, self._clock = limits, clock
        self._lock = Lock()
        self._token: str | None = None
        self._renew_at = 0.0
        self._has_worked = False

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """The request with a valid token."""
        request.headers["Authorization"] = f"Bearer {self._valid_token()}"
        request.register_hook("response", self._retry_refused)  # type: ignore[no-untyped-call]
        return request

    def _retry_refused(self, response: requests.Response, **options: Any) -> requests.Response:
        """The answer to the same request with a new token, if this one was refused.

        Raises:
            ProviderDown: the new token is refused, although an earlier one has worked.
        """
        self._has_worked = self._has_worked or response.ok
        if response.status_code != 401:
            return response
        response.close()
        again = response.request.copy()
        again.deregister_hook("response", self._retry_refused)  # type: ignore[no-untyped-call]
        refused = again.headers["Authorization"].removeprefix("Bearer ")
        again.headers["Authorization"] = f"Bearer {self._valid_token(refused)}"
        answer: requests.Response = response.connection.send(again, **options)
        if answer.status_code == 401 and self._has_worked:
            answer.close()
            raise ProviderDown(f"{self._provider} refuses a token that it has just issued: run again later")
        return answer

    def _valid_token(self, refused: str | None = None) -> str:
        with self._lock:
            if self._token is None or self._token == refused or self._clock() >= self._renew_at:
                self._token = None
                token, seconds = self._read(self._request())
                self._renew_at = self._clock() + seconds - min(MARGIN_SECONDS, seconds / 2)
                self._token = token
            return self._token

    def _request(self) -> Any:
        """The answer of the token endpoint.

        Raises:
            AuthError: the endpoint refuses the credentials.
            ConfigError: it redirects elsewhere, TLS verification fails, or the proxy refuses the tunnel.
            ContractError: it answers something else than JSON.
            ProviderDown: it cannot be reached, limits the rate or fails.
        """
        limits = replace(
            self._limits,
            read_seconds=min(self._limits.read_seconds, _MAX_SECONDS),
            response_seconds=min(self._limits.response_seconds, _MAX_SECONDS),
        )
        timeout = (limits.connect_seconds, limits.read_seconds)
        with session(self._url, self._credentials, ResponseLimits(self._endpoint, limits, self._clock)) as own:
            try:
                with own.post(
                    self._url,
                    data={"grant_type": "client_credentials"},
                    timeout=timeout,
                    allow_redirects=False,
                    stream=True,
                ) as response:
                    body = response.raw.read(_MAX_BYTES, decode_content=True)
            except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
                raise connection_error(self._endpoint, self._url, error, limits, "auth_url") from error
        try:
            return document_of(self._endpoint, response, body, "auth_url")
        except Moved as error:
            raise ConfigError(f"{self._endpoint} redirects, which is never followed: check auth_url") from error
        except Refused as refused:
            if refused.status == 400:  # RFC 6749, section 5.2
                raise AuthError(f"{self._endpoint} refused the credentials (HTTP 400): check the key") from None
            raise

    def _read(self, answer: Any) -> tuple[str, float]:
        """The token, and in how many seconds it expires."""
        token = answer.get("access_token") if isinstance(answer, dict) else None
        if not isinstance(token, str) or not _TOKEN.fullmatch(token):
            raise ContractError(f'{self._endpoint}: expected "access_token" to be a token, got {shape(token)}')
        seconds = answer.get("expires_in")
        is_number = isinstance(seconds, int | float) and not isinstance(seconds, bool) and seconds > 0
        return token, float(min(seconds, LONGEST_SECONDS)) if is_number else DEFAULT_SECONDS
