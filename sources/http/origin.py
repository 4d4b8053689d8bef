"""Checks the origin of a URL before credentials are sent to it."""

from urllib.parse import urljoin, urlsplit, urlunsplit

from sources.errors import ConfigError

Origin = tuple[str, str | None, int | None]
_PORTS = {"https": 443, "http": 80}
HIDDEN: Origin = ("", None, None)  # the origin of a URL that two parsers may read differently


def require_tls(url: str, setting: str = "base_url") -> None:
    """Requires that the URL of this setting uses TLS or names this machine.

    Raises:
        ConfigError: it does neither, or it has a user, a password or an unusual form.
    """
    scheme, name, _ = of(url)
    if not name or not url.isascii() or any(character.isspace() for character in url):
        raise ConfigError(
            f"{setting} must consist of https:// and a host, without user, password, blank or backslash, in ASCII"
        )
    if scheme != "https" and name not in ("127.0.0.1", "localhost", "::1"):
        raise ConfigError(f"{setting} must begin with https://: else the credentials would be sent unencrypted")


def require_base(base_url: str) -> None:
    """Requires the same of `base_url`, and that a path can be added to it.

    Raises:
        ConfigError: it cannot be used.
    """
    require_tls(base_url)
    if "?" in base_url or "#" in base_url:
        raise ConfigError("base_url must have no ? and no #, because each request adds a path to it")


def require_proxy(url: str) -> None:
    """Requires the URL of an HTTP proxy: http://, a host and a port.

    Raises:
        ConfigError: the URL has another form. The message does not quote it, because it may contain a password.
    """
    try:
        parts = urlsplit(url)
        is_proxy = parts.scheme == "http" and bool(parts.hostname and parts.port) and parts.path in ("", "/")
    except ValueError:
        is_proxy = False
    if not is_proxy or "\\" in url or any(character.isspace() for character in url):
        raise ConfigError("setting proxy must be http://, a host and a port, for example http://proxy.example:3128")


def below(base_url: str, link: str) -> str | None:
    """The absolute URL of a link, with the base URL's origin; None if the link is outside its origin or path.

    A link with the other scheme is on the same origin: a server behind a TLS proxy writes http:// for its own links.
    """
    try:
        base, parts = urlsplit(base_url), urlsplit(urljoin(base_url, link))
        url = urlunsplit((base.scheme, base.netloc, parts.path, parts.query, ""))
    except ValueError:
        return None
    is_own = _is_same(of(base_url), of(parts.geturl()))
    return url if is_own and parts.path.startswith(base.path) and "/." not in url else None


def _is_same(own: Origin, other: Origin) -> bool:
    """The origins are equal, or differ only in the scheme and perhaps its default port."""
    (own_scheme, own_host, own_port), (scheme, host, port) = own, other
    has_other_scheme = scheme != own_scheme and port in (own_port, _PORTS.get(scheme))
    return own == other or (scheme in _PORTS and host == own_host and has_other_scheme)


def host(url: str) -> str:
    """The host of a URL in quotes, for a message; nowhere without a host."""
    try:
        return repr(urlsplit(url).hostname or "nowhere")
    except ValueError:
        return "nowhere"


def of(url: str) -> Origin:
    """Scheme, host and port of a URL; `HIDDEN` if the URL is invalid, or has a user, a password or a backslash."""
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return HIDDEN
    return HIDDEN if parts.username or parts.password or "\\" in url else (parts.scheme, parts.hostname, port)
