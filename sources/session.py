"""The HTTP session of one account: its credentials, the certificates it trusts, and nothing of the machine's own."""

from pathlib import Path

import requests
from requests.adapters import HTTPAdapter

from sources import origin
from sources.errors import ConfigError
from sources.limits import Limits


def session(base_url: str, credentials: tuple[str, str], provider: str, limits: Limits) -> requests.Session:
    """A session with as many connections as are agreed; neither netrc nor proxy variables are read.

    Raises:
        ConfigError: the credentials would travel in the clear, or the CA bundle is no file.
    """
    origin.require_tls(base_url)
    if limits.ca_bundle and not Path(limits.ca_bundle).is_file():
        raise ConfigError(f"{provider}: setting ca_bundle names no file: {limits.ca_bundle}")
    made = requests.Session()
    made.trust_env = False
    made.auth = credentials
    made.verify = limits.ca_bundle or True
    made.mount(base_url, HTTPAdapter(pool_maxsize=max(1, limits.connections), pool_block=True))
    return made
