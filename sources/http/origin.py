"""Where a URL really leads, before credentials are sent there."""

from urllib.parse import urljoin, urlsplit

from sources.errors import ConfigError

Origin = tuple[str, str | None, int | None]
HIDDEN: Origin = ("", None, None)  # of a URL that two parsers may read differently


def require_tls(url: str, setting: str = "base_url") -> None:
    """Raises:
    ConfigError: the URL, which the setting gives, is neither https:// nor on this machine.
    """
    scheme, name, _ = of(url)
    if not name or not url.isascii():
        raise ConfigError(
            f"{setting} must be a plain URL: https://, a host, no user, no password, no backslash, ASCII only"
        )
    if scheme != "https" and name not in ("127.0.0.1", "localhost", "::1"):
        raise ConfigError(f"{setting} must begin with https://: secrets would travel in the clear")


def require_proxy(url: str) -> None:
    """Raises:
    ConfigError: the URL is no proxy's; it is not quoted, because it may hold a password.
    """
    try:
        parts = urlsplit(url)
        is_proxy = parts.scheme == "http" and bool(parts.hostname and parts.port) and parts.path in ("", "/")
    except ValueError:
        is_proxy = False
    if not is_proxy or "\\" in url or any(character.isspace() for character in url):
        raise ConfigError("setting proxy must be http://, a host and a port, such as http://proxy.example:3128")


def below(base_url: str, link: str) -> str | None:
    """The absolute URL of a link; None if it leaves the base URL's origin or its path."""
    try:
        url = urljoin(base_url, link)
        path, base_path = urlsplit(url).path, urlsplit(base_url).path
    except ValueError:
        return None
    return url if of(url) == of(base_url) and path.startswith(base_path) and "/." not in path else None


def host(url: str) -> str:
    """The host that a URL names, for a message."""
    try:
        return repr(urlsplit(url).hostname or "nowhere")
    except ValueError:
        return "nowhere"


def of(url: str) -> Origin:
    """Scheme, host and port of a URL; an origin that equals no other for one that tries to hide its host."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"https": 443, "http": 80}.get(parts.scheme)
    except ValueError:
        return HIDDEN
    return HIDDEN if parts.username or parts.password or "\\" in url else (parts.scheme, parts.hostname, port)
