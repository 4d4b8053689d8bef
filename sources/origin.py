"""Where a URL really leads, before credentials are sent there."""

from urllib.parse import urlsplit

from sources.errors import ConfigError

Origin = tuple[str, str | None, int | None]
HIDDEN: Origin = ("", None, None)  # of a URL that two parsers may read differently


def require_tls(base_url: str) -> None:
    """Raises:
    ConfigError: the URL is neither https:// nor on this machine.
    """
    parts = urlsplit(base_url)
    if of(base_url) == HIDDEN:
        raise ConfigError("base_url must be a plain URL: no user, no password, no backslash")
    if parts.scheme != "https" and parts.hostname not in ("127.0.0.1", "localhost", "::1"):
        raise ConfigError("base_url must begin with https://: the credentials would travel in the clear")


def of(url: str) -> Origin:
    """Scheme, host and port of a URL; an origin that equals no other for one that tries to hide its host."""
    parts = urlsplit(url)
    if parts.username or parts.password or "\\" in url:
        return HIDDEN
    try:
        return (parts.scheme, parts.hostname, parts.port or {"https": 443, "http": 80}.get(parts.scheme))
    except ValueError:
        return HIDDEN
