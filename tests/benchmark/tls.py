"""TLS between the sync and the fakes, as between users and providers."""

import ssl
from pathlib import Path

CA_BUNDLE = "SOURCES__CA_BUNDLE"


def tls_of_this_machine(bundle: Path) -> ssl.SSLContext:
    """The context of a server on 127.0.0.1. Its CA is written to the bundle, among as many as a user trusts."""
    import trustme
    from requests.utils import DEFAULT_CA_BUNDLE_PATH

    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    bundle.write_bytes(Path(DEFAULT_CA_BUNDLE_PATH).read_bytes() + authority.cert_pem.bytes())
    return context
