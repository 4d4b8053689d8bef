"""The HTTP session of one account: its credentials, proxy and trusted certificates, none from the environment."""

import requests
from requests.auth import AuthBase

from sources.http import origin
from sources.http.certificates import tls_context
from sources.http.transport import LimitedAdapter, ResponseLimits

Auth = tuple[str, str] | AuthBase  # user and password (HTTP Basic), or an object that authorizes each request


def session(base_url: str, auth: Auth, response_limits: ResponseLimits) -> requests.Session:
    """A session with the configured number of connections, which reads neither netrc nor proxy variables.

    A configured proxy opens a tunnel (CONNECT) to the provider and sees only its host and port. Requests to this
    machine without TLS, such as the demo's, do not use the proxy.

    Raises:
        ConfigError: `base_url` lacks TLS or has a query, the CA bundle cannot be used, or the proxy's URL is invalid.
    """
    origin.require_base(base_url)
    limits = response_limits.limits
    if limits.proxy:
        origin.require_proxy(limits.proxy)
    uses_tls = origin.of(base_url)[0] == "https"
    tls = tls_context(limits.ca_bundle, response_limits.provider) if uses_tls or limits.ca_bundle else None
    configured = requests.Session()
    configured.trust_env = False
    # No redirect is followed; requests would parse its Location all the same, and fail on an invalid one.
    configured.get_redirect_target = lambda resp: None  # type: ignore[method-assign]
    configured.auth = auth
    configured.proxies = {"https": limits.proxy} if limits.proxy else {}
    configured.mount(base_url, LimitedAdapter(response_limits, tls))
    return configured
