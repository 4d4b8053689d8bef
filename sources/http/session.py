"""The HTTP session of one account: its credentials, the certificates it trusts, and nothing of the machine's own."""

from pathlib import Path

import requests

from sources.errors import ConfigError
from sources.http import origin
from sources.http.transport import LimitedAdapter, ResponseLimits


def session(base_url: str, credentials: tuple[str, str], response_limits: ResponseLimits) -> requests.Session:
    """A session with as many connections as are agreed; neither netrc nor proxy variables are read.

    A configured proxy is asked for a tunnel (CONNECT) to the provider, so that it sees a host and a port and nothing
    else. What is served on this machine without TLS, as the demo is, is asked directly.

    Raises:
        ConfigError: the credentials would travel in the clear, the CA bundle is no file, or the proxy no URL of one.
    """
    origin.require_tls(base_url)
    limits = response_limits.limits
    if limits.proxy:
        origin.require_proxy(limits.proxy)
    if limits.ca_bundle:
        _require_file(Path(limits.ca_bundle), response_limits.provider)
    made = requests.Session()
    made.trust_env = False
    made.auth = credentials
    made.proxies = {"https": limits.proxy} if limits.proxy else {}
    made.verify = limits.ca_bundle or True
    made.mount(base_url, LimitedAdapter(response_limits))
    return made


def _require_file(ca_bundle: Path, provider: str) -> None:
    if not ca_bundle.is_file():
        raise ConfigError(f"{provider}: setting ca_bundle names no file: {ca_bundle}")
    try:
        ca_bundle.open("rb").close()
    except OSError as error:
        raise ConfigError(f"{provider}: the file of setting ca_bundle cannot be read ({error.strerror})") from None
