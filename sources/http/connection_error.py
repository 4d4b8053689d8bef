"""The error of a request that got no response: a setting is wrong, or the server cannot be reached for now."""

import re

import requests

from sources.errors import ConfigError, FaxSyncError, ProviderDown
from sources.http import origin

# The words of OpenSSL for a handshake that was cut, that failed at the server, or whose bytes were damaged on the way.
_TRANSIENT_TLS = re.compile(r"\bEOF\b|ALERT_INTERNAL_ERROR|BAD_RECORD_MAC")
_TUNNEL_STATUS = re.compile(r"Tunnel connection failed: (\d{3})")


def connection_error(server: str, url: str, error: Exception, setting: str = "base_url") -> FaxSyncError:
    """The error for a failed connection to the server at this setting's URL."""
    if isinstance(error, requests.exceptions.SSLError) and not _TRANSIENT_TLS.search(str(error)):
        return ConfigError(
            f"{server}: TLS verification of {origin.host(url)} failed: "
            f"check {setting}, ca_bundle and this machine's clock"
        )
    if isinstance(error, requests.exceptions.ProxyError):
        return _proxy_error(server, error)
    if "NameResolutionError" in str(error):
        return ProviderDown(
            f"{server}: the host name {origin.host(url)} could not be resolved: check its spelling, or run again later"
        )
    return ProviderDown(
        f"{server} at {origin.host(url)} could not be reached ({type(error).__name__}): run again later"
    )


def _proxy_error(server: str, error: Exception) -> FaxSyncError:
    """The error for a tunnel that the proxy does not open: permanent after a 4xx, else transient."""
    status = _TUNNEL_STATUS.search(str(error))
    if status and 400 <= int(status[1]) < 500:
        return ConfigError(
            f"the proxy refuses a tunnel to {server} (HTTP {status[1]}): "
            "check the setting proxy, its user and password, and whether it allows the host"
        )
    return ProviderDown(f"{server} could not be reached through the configured proxy: run again later")
