"""Reports the start and the end of a run to a monitoring service, by the conventions of healthchecks.io.

Source: https://healthchecks.io/docs/http_api/, read November 2026. A failing service does not make a run fail.
"""

import logging
from collections.abc import Callable

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
    url = NotifySettings.read().ping_url.rstrip("/")
    if not url:
        return command()
    origin.require_tls(url, "[notify] ping_url")
    _ping(f"{url}/start")
    try:
        exit_code = command()
    except BaseException as error:
        _ping(f"{url}/log" if isinstance(error, TryAgain) or signals.received() else f"{url}/fail")
        raise
    _ping(f"{url}/log" if exit_code == TryAgain.exit_code or signals.received() else f"{url}/{exit_code}")
    return exit_code


def _ping(url: str) -> None:
    try:
        with requests.Session() as session:
            session.trust_env = False
            session.get(url, timeout=_SECONDS, allow_redirects=False).raise_for_status()
    except Exception as error:  # a failed ping must not make the run fail
        LOG.warning("the ping to [notify] ping_url failed (%s)", type(error).__name__)  # the URL is a secret
