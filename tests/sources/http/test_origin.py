"""Credentials go to the configured origin alone, however a link is written."""

import pytest

from sources.errors import ConfigError, ContractError, FaxSyncError
from sources.http.client import Client

BASE = "https://api.phaxio.com/v2"
ASTRAY = [
    "https://evil.example/v2/faxes",
    "//evil.example/v2/faxes",
    "///evil.example/v2/faxes",
    "http://api.phaxio.com:8080/v2/faxes",
    "https://api.phaxio.com:80/v2/faxes",
    "https://api.phaxio.com:8443/v2/faxes",
    "https://api.phaxio.com:99999/v2/faxes",
    "https://api.phaxio.com:port/v2/faxes",
    "https://api.phaxio.com@evil.example/v2/faxes",
    "https://user@api.phaxio.com/v2/faxes",
    "https://user:password@api.phaxio.com/v2/faxes",
    "https://api.phaxio.com\\@evil.example/v2/faxes",
    "https:\\\\evil.example/v2/faxes",
    "/\\evil.example/v2/faxes",
    "https://evil.example\\.api.phaxio.com/v2/faxes",
    "https://api.phaxio.com.evil.example/v2/faxes",
    "https://api.phaxio.com./v2/faxes",
    "https://api.phаxio.com/v2/faxes",
    "https://xn--api-8cd.phaxio.com/v2/faxes",
    "https://evil.example/https://api.phaxio.com/v2/faxes",
    "https://evil.example?https://api.phaxio.com/v2/faxes",
    "https://evil.example#@api.phaxio.com/v2/faxes",
    "https://[::1]/v2/faxes",
    "https://[::1/v2/faxes",
    "https://169.254.169.254/v2/faxes",
    "file:///etc/passwd",
    "ftp://api.phaxio.com/v2/faxes",
    "javascript:alert(1)",
    "data:application/json,{}",
    "/v1/faxes",
    "/v2/../v1/faxes",
    "../admin",
    "\thttps://evil.example/v2/faxes",
    "ht\ntps://evil.example/v2/faxes",
    "https://evil.example\n.api.phaxio.com/v2/faxes",
]


@pytest.mark.parametrize("link", ASTRAY)
def test_a_link_that_leads_elsewhere_is_refused(link: str) -> None:
    client = Client(BASE, ("user", "password"), "Phaxio")
    with pytest.raises(ContractError):
        client.resolve(link)


@pytest.mark.parametrize(
    ("link", "url"),
    [
        ("faxes", f"{BASE}/faxes"),
        ("faxes?page=2", f"{BASE}/faxes?page=2"),
        ("/v2/faxes", f"{BASE}/faxes"),
        (f"{BASE}/faxes?page=2", f"{BASE}/faxes?page=2"),
        ("//api.phaxio.com/v2/faxes", f"{BASE}/faxes"),
        ("https://API.phaxio.com/v2/faxes", f"{BASE}/faxes"),
        ("https://api.phaxio.com:443/v2/faxes", f"{BASE}/faxes"),
        ("http://api.phaxio.com/v2/faxes?page=2", f"{BASE}/faxes?page=2"),  # as a server behind a TLS proxy writes it
    ],
)
def test_a_link_to_the_same_origin_is_taken(link: str, url: str) -> None:
    assert Client(BASE, ("user", "password"), "Phaxio").resolve(link) == url


@pytest.mark.parametrize(
    "base_url",
    [
        *("http://api.phaxio.com/v2", "http://localhost.evil.example/v2", "http://127.0.0.1.evil.example/v2"),
        *("ftp://api.phaxio.com", "file:///etc", "api.phaxio.com/v2", "", "https://", "https:///v2"),
        *("https://user:password@api.phaxio.com/v2", "https://api.phaxio.com\\v2", "https://api.phaxio.com:port/v2"),
        "https://[::1",
        *("https://api.phaxio.com/v2?key=1", "https://api.phaxio.com/v2#a", "https://api phaxio.com/v2"),
    ],
)
def test_a_base_url_that_would_leak_the_credentials_is_no_setting(base_url: str) -> None:
    with pytest.raises(ConfigError):
        Client(base_url, ("user", "password"), "Phaxio")


@pytest.mark.parametrize("base_url", [BASE, "http://127.0.0.1:8080", "http://localhost", "http://[::1]:80/v2"])
def test_tls_or_this_machine_is_a_base_url(base_url: str) -> None:
    try:
        Client(base_url, ("user", "password"), "Phaxio")
    except FaxSyncError as error:  # pragma: no cover
        raise AssertionError(base_url) from error
