"""Limits the bytes and the seconds of an HTTP response, from its status line to its last trailer.

http.client limits the length and the number of header lines, but not interim responses (100), trailers or the total
time. urllib3 keeps reading a compressed body that inflates to nothing.
"""

import http
import http.client
import io
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from ssl import SSLContext
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from sources.errors import ContractError, ProviderDown
from sources.http.limits import Limits

_HEADER_BYTES = 1 << 20
GRACE_SECONDS = 10.0  # for a response, once the run should end


@dataclass
class ResponseLimits:
    """The limits of one response of a provider. By `clock`, in seconds, the run should end at `run_deadline`."""

    provider: str
    limits: Limits
    clock: Callable[[], float]
    run_deadline: float = math.inf

    def seconds(self) -> float:
        """How long a response that is requested now may take."""
        left = max(self.run_deadline - self.clock(), 0.0)
        return min(self.limits.response_seconds, left + GRACE_SECONDS)

    def require_bytes(self, size: int, beside: int = 0) -> None:
        """Requires at most the bytes of a page, and `beside` more.

        Raises:
            ContractError: `size` is larger.
        """
        if size > self.limits.response_bytes + beside:
            raise ContractError(f"{self.provider} sent more than {self.limits.response_bytes} bytes for one page")

    def require_time(self, began: float, seconds: float) -> None:
        """Requires that so many seconds have not passed since it `began`.

        Raises:
            ProviderDown: they have.
        """
        if self.clock() > began + seconds:
            raise ProviderDown(f"{self.provider} took more than {seconds:.0f} s for one page: run again later")


class LimitedAdapter(HTTPAdapter):
    """An adapter of requests with the configured number of connections, whose responses are limited.

    `tls` is the TLS context of the connections; None if none uses TLS.
    """

    def __init__(self, response_limits: ResponseLimits, tls: SSLContext | None) -> None:
        self._response_limits, self._tls = response_limits, tls
        super().__init__(pool_maxsize=max(1, response_limits.limits.connections), pool_block=True)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:  # requests' name
        """Makes every pool create limited connections with the TLS context."""
        super().init_poolmanager(*args, ssl_context=self._tls, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._limited_pools()

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:  # requests' name
        """The proxy's manager, whose pools create limited connections with the TLS context."""
        manager = super().proxy_manager_for(*args, ssl_context=self._tls, **kwargs)
        manager.pool_classes_by_scheme = self._limited_pools()
        return manager

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:  # requests' name
        """Has the connection read no certificates: the TLS context holds them, and requires verification."""

    def _limited_pools(self) -> dict[str, Any]:
        pools = {"http": HTTPConnectionPool, "https": HTTPSConnectionPool}
        return {scheme: _limited_pool(pool, self._response_limits) for scheme, pool in pools.items()}


def _limited_pool(pool: Any, response_limits: ResponseLimits) -> Any:
    response_class = staticmethod(partial(_Response, response_limits=response_limits))
    connection = type("LimitedConnection", (pool.ConnectionCls,), {"response_class": response_class})
    return type("LimitedPool", (pool,), {"ConnectionCls": connection})


class _Response(http.client.HTTPResponse):
    def __init__(self, *args: Any, response_limits: ResponseLimits, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._response_limits = response_limits
        self.fp = io.BufferedReader(_Wire(self.fp.detach(), response_limits))

    def _read_status(self) -> tuple[str, int, str]:  # http.client's name
        """The status line; an interim status as 100, the only one that http.client skips."""
        version, status, reason = super()._read_status()  # type: ignore[misc]  # private, and untyped
        is_interim = 100 < status < 200 and status != http.HTTPStatus.SWITCHING_PROTOCOLS
        return version, http.HTTPStatus.CONTINUE if is_interim else status, reason

    def begin(self) -> None:  # http.client's name
        """Reads the status and the headers.

        Raises:
            ContractError: a line is too long, or there are too many lines.
        """
        try:
            super().begin()
        except http.client.HTTPException as error:
            if type(error) is http.client.HTTPException or isinstance(error, http.client.LineTooLong):
                raise ContractError(f"{self._response_limits.provider} sent headers that are too long") from error
            raise


class _Wire(io.RawIOBase):
    """The bytes from the socket, from the first of the status line to the end of the trailers."""

    def __init__(self, socket: io.RawIOBase, response_limits: ResponseLimits) -> None:
        self._socket, self._response_limits = socket, response_limits
        self._began, self._seconds = response_limits.clock(), response_limits.seconds()
        self._size = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        size: int | None = self._socket.readinto(buffer)
        self._size += size or 0
        self._response_limits.require_bytes(self._size, _HEADER_BYTES)
        self._response_limits.require_time(self._began, self._seconds)
        return size

    def close(self) -> None:
        self._socket.close()
        super().close()
