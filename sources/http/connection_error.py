"""The error of a request without a whole response: a setting is wrong, or the server cannot be reached for now."""

import os
import re
from collections.abc import Sequence

import requests

from sources.errors import ConfigError, FaxSyncError, ProviderDown
from sources.http import origin
from sources.http.limits import Limits

# The words of OpenSSL for a handshake that was cut, that failed at the server, or whose bytes were damaged on the way.
_TRANSIENT_TLS = re.compile(r"\bEOF\b|ALERT_INTERNAL_ERROR|BAD_RECORD_MAC")
_PROXY_VARIABLES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")
_CA_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")
_TUNNEL_STATUS = re.compile(r"Tunnel connection failed: (\d{3})")


def connection_error(
    server: str, url: str, error: Exception, limits: Limits, setting: str = "base_url"
) -> FaxSyncError:
    """The error for a failed connection to the server at this setting's URL."""
    if isinstance(error, requests.exceptions.SSLError) and not _TRANSIENT_TLS.search(str(error)):
        return ConfigError(
            f"{server}: TLS verification of {origin.host(url)} failed: "
            f"check {setting}, ca_bundle and this machine's clock"
            + _unread(_CA_VARIABLES, "ca_bundle", limits.ca_bundle)
        )
    if isinstance(error, requests.exceptions.ProxyError):
        return _proxy_error(server, error)
    is_connected = not isinstance(error, requests.exceptions.ConnectionError)
    advice = "" if is_connected else _unread(_PROXY_VARIABLES, "proxy", limits.proxy)
    if "NameResolutionError" in str(error):
        return ProviderDown(
            f"{server}: the host name {origin.host(url)} could not be resolved: check its spelling, or run again "
            f"later{advice}"
        )
    # requests does not wrap the errors of urllib3 and of the socket that come up while the body is read.
    is_in_body = not isinstance(error, requests.exceptions.RequestException)
    happened = "sent no whole response" if is_in_body else "could not be reached"
    return ProviderDown(f"{server} at {origin.host(url)} {happened} ({type(error).__name__}): run again later{advice}")


def _unread(variables: Sequence[str], setting: str, value: str) -> str:
    """Names the variable of the environment that is not read, if the setting has no value in its place."""
    name = next(filter(os.environ.get, variables), None)
    return f". {name} is not read: the setting is {setting}" if name and not value else ""


def _proxy_error(server: str, error: Exception) -> FaxSyncError:
    """The error for a tunnel that the proxy does not open: permanent after a 4xx, else transient."""
    status = _TUNNEL_STATUS.search(str(error))
    if status and 400 <= int(status[1]) < 500:
        return ConfigError(
            f"the proxy refuses a tunnel to {server} (HTTP {status[1]}): "
            "check the setting proxy, its user and password, and whether it allows the host"
        )
    return ProviderDown(f"{server} could not be reached through the configured proxy: run again later")
