"""Telling a watcher that a run has begun and how it ended, by the conventions of healthchecks.io.

Source: https://healthchecks.io/docs/http_api/, read November 2026. A watcher that fails, fails no run.
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
    """Runs the command and gives its exit code, telling the watcher of `[notify] ping_url`, if there is one.

    75 and a signal are only logged there: if that goes on, the watcher misses the next success.

    Raises:
        ConfigError: the URL would go over the network unencrypted.
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
    except Exception as error:  # whatever it is: a watcher fails no run
        LOG.warning("the ping to [notify] ping_url failed (%s)", type(error).__name__)  # the URL is a secret
