"""Reports the start and the end of a run to a monitoring service, by the conventions of healthchecks.io.

Source: https://healthchecks.io/docs/http_api/, read November 2026. A failing service does not make a run fail.
"""

import logging
from collections.abc import Callable
from urllib.parse import urlsplit, urlunsplit

import requests

from pipelines.config.settings import NotifySettings
from pipelines.outcome import signals
from sources.errors import TryAgain
from sources.http import origin

LOG = logging.getLogger("fax-sync")
_SECONDS = 5


def watched(command: Callable[[], int]) -> int:
    """Runs the command and returns its exit code; pings `[notify] ping_url`, if it is set, before and after.

    Exit code 75 and a signal go to its log only: the service raises an alarm if no success follows in time.

    Raises:
        ConfigError: the URL is neither HTTPS nor on this machine.
    """
    url = NotifySettings.read().ping_url
    if not url:
        return command()
    origin.require_tls(url, "[notify] ping_url")
    _ping(url, "start")
    try:
        exit_code = command()
    except BaseException as error:
        _ping(url, "log" if isinstance(error, TryAgain) or signals.received() else "fail")
        raise
    _ping(url, "log" if exit_code == TryAgain.exit_code or signals.received() else str(exit_code))
    return exit_code


def _ping(url: str, signal: str) -> None:
    """Pings the URL with the signal behind its path: the URL may have a query, such as `?create=1`."""
    parts = urlsplit(url)
    signalled = urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/{signal}"))
    try:
        with requests.Session() as session:
            session.trust_env = False
            # `stream`: the body is not waited for.
            session.get(signalled, timeout=_SECONDS, allow_redirects=False, stream=True).raise_for_status()
    except Exception as error:  # a failed ping must not make the run fail
        LOG.warning("the ping to [notify] ping_url failed (%s)", type(error).__name__)  # the URL is a secret
