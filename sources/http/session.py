"""The HTTP session of one account: its credentials, proxy and trusted certificates, none from the environment."""

from pathlib import Path

import requests
from requests.auth import AuthBase

from sources.errors import ConfigError
from sources.http import origin
from sources.http.transport import LimitedAdapter, ResponseLimits

Auth = tuple[str, str] | AuthBase  # user and password (HTTP Basic), or an object that authorizes each request


def session(base_url: str, auth: Auth, response_limits: ResponseLimits) -> requests.Session:
    """A session with the configured number of connections, which reads neither netrc nor proxy variables.

    A configured proxy opens a tunnel (CONNECT) to the provider and sees only its host and port. Requests to this
    machine without TLS, such as the demo's, do not use the proxy.

    Raises:
        ConfigError: `base_url` lacks TLS or has a query, the CA bundle cannot be read, or the proxy's URL is invalid.
    """
    origin.require_base(base_url)
    limits = response_limits.limits
    if limits.proxy:
        origin.require_proxy(limits.proxy)
    if limits.ca_bundle:
        _require_file(Path(limits.ca_bundle), response_limits.provider)
    configured = requests.Session()
    configured.trust_env = False
    # No redirect is followed; requests would parse its Location all the same, and fail on an invalid one.
    configured.get_redirect_target = lambda resp: None  # type: ignore[method-assign]
    configured.auth = auth
    configured.proxies = {"https": limits.proxy} if limits.proxy else {}
    configured.verify = limits.ca_bundle or True
    configured.mount(base_url, LimitedAdapter(response_limits))
    return configured


def _require_file(ca_bundle: Path, provider: str) -> None:
    if not ca_bundle.is_file():
        raise ConfigError(f"{provider}: setting ca_bundle names no file: {ca_bundle}")
    try:
        ca_bundle.open("rb").close()
    except OSError as error:
        raise ConfigError(f"{provider}: the file of setting ca_bundle cannot be read ({error.strerror})") from None
