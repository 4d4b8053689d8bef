"""The HTTP client of one account: time-outs, capped retries, Retry-After, and JSON or a typed error.

Credentials go to the configured origin only: the client follows no redirect, refuses another host before it sends a
request, and reads neither netrc nor proxy variables (requests sends a netrc password to any host). A configured proxy
sees only the provider's host and port.
"""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from threading import Event, Lock
from typing import Any

import requests
import urllib3
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt

from sources.errors import ContractError, ProviderDown
from sources.http import origin, retry
from sources.http.connection_error import connection_error
from sources.http.limits import DEFAULT_LIMITS, Limits
from sources.http.pace import Pace
from sources.http.response import Garbled, document_of
from sources.http.session import Auth, session
from sources.http.transport import ResponseLimits
from sources.http.usage import Usage, counts_for


class Client:
    """GETs JSON below `base_url` and counts its requests in `usage`. It is thread-safe.

    `skew` is how far the provider's clock was ahead of this machine's at the last response with a time, `least_skew`
    of all responses and zero; `first_server_time` is the earliest time of all, None before the first. `pace` limits the
    request rate. `auth` is user and password, or an object such as `oauth2.ClientCredentials`; `user` is that user,
    which a path may need. Tests replace `sleep`, `clock` (seconds, monotonic) and `now` (UTC). After `close`, every
    waiting or new request ends with an error.
    """

    def __init__(
        self,
        base_url: str,
        auth: Auth,
        provider: str,
        limits: Limits = DEFAULT_LIMITS,
        sleep: Callable[[float], Any] | None = None,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.base_url = base_url.rstrip("/") + "/"
        self.provider, self.user = provider, auth[0] if isinstance(auth, tuple) else ""
        self.usage = Usage()
        self.skew = self.least_skew = timedelta()
        self.first_server_time: datetime | None = None
        self.limits = limits
        self._closed, self._lock = Event(), Lock()
        self._sleep: Callable[[float], Any] = sleep or self._closed.wait
        self._clock, self._now = clock, now
        self.pace = Pace(limits.requests_per_second, limits.connections, clock)
        self._response_limits = ResponseLimits(provider, limits, clock)
        self._session = session(self.base_url, auth, self._response_limits)

    def get(self, path: str, params: Mapping[str, str] | None = None, with_retries: bool = True) -> Any:
        """The JSON document at `path`, relative to the base URL or absolute on the same origin.

        Raises:
            AuthError: 401, 402 or 403, without a retry.
            Refused: another 4xx, without a retry.
            ContractError: another host, a redirect, a body that is not JSON, or a response beyond the limits.
            ProviderDown: 408, 429, 5xx, connection errors and time-outs; `with_retries`, after all of them.
            ConfigError: TLS verification fails, or the proxy refuses the tunnel.
        """
        retrying = Retrying(
            retry=retry_if_exception_type((ProviderDown, Garbled)),
            wait=retry.wait,
            stop=self._is_exhausted if with_retries else stop_after_attempt(1),
            before_sleep=self._note_retry,
            sleep=self._sleep,
            reraise=True,
        )
        url = self.resolve(path)

        def attempt() -> Any:
            is_retry = retrying.statistics["attempt_number"] > 1
            with self.pace.reserve_slot(self._sleep, heeds_pause=not is_retry) as refusals:
                try:
                    document = self._get_once(url, params)
                except ProviderDown as error:
                    if error.is_limit:
                        self.pace.slow_down(refusals, error.retry_after)
                    raise
            self._note_answer(is_retry)
            return document

        return retrying(attempt)

    @property
    def has_server_time(self) -> bool:
        """A response had a time."""
        return self.first_server_time is not None

    def connections(self) -> int:
        """The useful number of concurrent requests: one if the provider answers faster than a page is parsed."""
        return 1 if self.usage.faster_than_parsing else self.pace.connections

    def server_time(self) -> datetime:
        """The time now, UTC; by the provider's clock if the two differ by more than the second that it is exact to."""
        return self._now() + (self.skew if abs(self.skew) > timedelta(seconds=1) else timedelta())

    def earlier_time(self) -> datetime:
        """The time now, UTC, by the earlier of the two clocks, the provider's and this machine's."""
        return self._now() + self.least_skew

    def end_by(self, deadline: float) -> None:
        """Sets when the run should end, in seconds of the clock.

        After that no request is retried, and a response may take ten seconds.
        """
        self._response_limits.run_deadline = deadline

    def close(self) -> None:
        """Ends every waiting or new request with an error. A request in flight is not cancelled."""
        self._closed.set()
        self._session.close()

    def resolve(self, link: str) -> str:
        """The absolute URL of a link.

        Raises:
            ContractError: the link is outside the base URL's origin or path.
        """
        url = origin.below(self.base_url, link)
        if url is None:
            raise ContractError(
                f"{self.provider}: expected a link below {self.base_url}, got one to {origin.host(link)}: "
                "no request was sent, because it would contain the credentials"
            )
        return url

    def _is_exhausted(self, state: RetryCallState) -> bool:
        is_garbled = isinstance(retry.failure_of(state), Garbled)
        attempts = self.limits.garbled_attempts if is_garbled else self.limits.attempts
        seconds_left = self.limits.retry_seconds - self.usage.retry_seconds - self.usage.limit_seconds
        is_last = state.attempt_number >= attempts and not _is_limit(state)
        is_late = self._clock() + state.upcoming_sleep > self._response_limits.run_deadline
        return is_last or is_late or state.upcoming_sleep > seconds_left

    def _note_retry(self, state: RetryCallState) -> None:
        with self._lock:
            for counts in counts_for(self.usage):
                counts.retries += 1
            if _is_limit(state):
                self.usage.limit_seconds += max(state.upcoming_sleep, 1.0)
            else:
                self.usage.retry_seconds += state.upcoming_sleep
        is_asked = getattr(retry.failure_of(state), "retry_after", None) is not None
        self.pace.pause(state.upcoming_sleep, is_asked)

    def _note_answer(self, is_retry: bool) -> None:
        with self._lock:
            self.usage.limit_seconds = 0.0  # an answer came, so the waits for the rate limit do not add up to a failure
        self.pace.speed_up()
        if is_retry:
            self.pace.resume()

    def _compare_clocks(self, response: requests.Response) -> None:
        now = self._now()
        server_time = retry.server_time(response, now)
        if server_time is None:
            return
        with self._lock:
            self.skew = server_time - now
            self.first_server_time = min(self.first_server_time or server_time, server_time)
            self.least_skew = min(self.least_skew, self.skew)

    def _get_once(self, url: str, params: Mapping[str, str] | None) -> Any:
        if self._closed.is_set():
            raise ContractError(f"{self.provider}: the run has ended")
        with self._lock:
            for counts in counts_for(self.usage):
                counts.requests += 1
        read_seconds = min(self.limits.read_seconds, self._response_limits.seconds())
        began, timeout = self._clock(), (self.limits.connect_seconds, read_seconds)
        try:
            with self._session.get(url, params=params, timeout=timeout, allow_redirects=False, stream=True) as response:
                self._compare_clocks(response)
                body = self._read(response)
        except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise connection_error(self.provider, url, error, self.limits) from error
        with self._lock:
            self.usage.answers += 1
            self.usage.answering_seconds += self._clock() - began
        return document_of(self.provider, response, body)

    def _read(self, response: requests.Response) -> bytes:
        body = bytearray()
        while chunk := response.raw.read1(1 << 16, decode_content=True):  # does not wait for a full chunk
            body += chunk
            self._response_limits.require_bytes(len(body))
        with self._lock:
            self.usage.bytes += len(body)
        return bytes(body)


def _is_limit(state: RetryCallState) -> bool:
    error = retry.failure_of(state)
    return isinstance(error, ProviderDown) and error.is_limit
