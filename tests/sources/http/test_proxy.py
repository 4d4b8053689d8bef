"""A proxy of the settings: a tunnel through which credentials travel in TLS, and no other way to the provider."""

import os
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from sources.errors import ConfigError, ProviderDown
from sources.http.client import Client
from sources.http.limits import Limits
from sources.http.oauth2 import ClientCredentials
from tests.conftest import ROOT, ServeFake, Settings, Sync, generated
from tests.support.commands.check_command import Check
from tests.support.servers.tls_server import Counted, Serve, bundle
from tests.support.servers.tunnel import Proxy, proxying

EMPTY = b'{"success": true, "data": [], "paging": {"total": 0, "per_page": 1000, "page": 1}}'


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    with proxying() as running:
        yield running


def client(server: Counted, slept: list[float], **limits: Any) -> Client:
    return Client(server.url, ("user", "password"), "Someone", Limits(**limits), sleep=slept.append)


def test_the_provider_is_reached_through_a_tunnel_that_shows_nothing(
    proxy: Proxy, authority: trustme.CA, serve_tls: Serve, tmp_path: Path
) -> None:
    server = serve_tls(authority.issue_cert("127.0.0.1"))
    asking = client(server, [], proxy=proxy.url, ca_bundle=bundle(authority, tmp_path))

    assert [asking.get("faxes"), asking.get("faxes")] == [{"fine": True}] * 2
    assert {line.split()[0] for line in proxy.asked} == {"CONNECT"}
    assert proxy.asked[0].split()[1] == server.url.removeprefix("https://")
    assert not any(secret in proxy.seen for secret in (b"faxes", b"Authorization", b64encode(b"user:password")))


def test_a_certificate_that_does_not_hold_ends_the_run_behind_a_proxy_too(
    proxy: Proxy, authority: trustme.CA, serve_tls: Serve, tmp_path: Path
) -> None:
    server, slept = serve_tls(trustme.CA().issue_cert("127.0.0.1")), list[float]()

    with pytest.raises(ConfigError, match="TLS verification"):
        client(server, slept, proxy=proxy.url, ca_bundle=bundle(authority, tmp_path)).get("faxes")
    assert (server.asked, slept) == (0, [])


def test_the_user_of_the_proxy_is_told_to_the_proxy(
    proxy: Proxy, authority: trustme.CA, serve_tls: Serve, tmp_path: Path
) -> None:
    server = serve_tls(authority.issue_cert("127.0.0.1"))
    url = proxy.url.replace("http://", "http://clerk:pass@")
    client(server, [], proxy=url, ca_bundle=bundle(authority, tmp_path)).get("faxes")

    assert b"Proxy-Authorization: Basic " + b64encode(b"clerk:pass") in proxy.seen


@pytest.mark.parametrize("status", [403, 407])
def test_a_proxy_that_refuses_for_good_is_a_setting_to_mend(
    status: int, proxy: Proxy, authority: trustme.CA, serve_tls: Serve
) -> None:
    server, slept = serve_tls(authority.issue_cert("127.0.0.1")), list[float]()
    proxy.refusal = b"HTTP/1.1 %d No\r\nContent-Length: 0\r\n\r\n" % status

    with pytest.raises(ConfigError, match=f"proxy.*{status}"):
        client(server, slept, proxy=proxy.url).get("faxes")
    assert slept == []


def test_a_proxy_that_refuses_the_token_endpoint_is_a_setting_to_mend_too(
    proxy: Proxy, authority: trustme.CA, serve_tls: Serve
) -> None:
    server, slept = serve_tls(authority.issue_cert("127.0.0.1")), list[float]()
    proxy.refusal = b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n"
    limits = Limits(proxy=proxy.url)
    auth = ClientCredentials(f"{server.url}/token", ("user", "password"), "Someone", limits)

    with pytest.raises(ConfigError, match=r"proxy.*the token endpoint of Someone.*403"):
        Client(server.url, auth, "Someone", limits, sleep=slept.append).get("faxes")
    assert slept == []


@pytest.mark.parametrize("refusal", [b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n", b"nonsense\r\n\r\n"])
def test_a_proxy_that_fails_is_tried_again(
    refusal: bytes, proxy: Proxy, authority: trustme.CA, serve_tls: Serve
) -> None:
    server, slept = serve_tls(authority.issue_cert("127.0.0.1")), list[float]()
    proxy.refusal = refusal

    with pytest.raises(ProviderDown):
        client(server, slept, proxy=proxy.url).get("faxes")
    assert (len(slept), server.asked) == (4, 0)


def test_a_variable_that_is_not_read_is_named_where_the_connection_fails(
    authority: trustme.CA, serve_tls: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, nowhere = serve_tls(authority.issue_cert("127.0.0.1")), "https://127.0.0.1:9"
    monkeypatch.setenv("https_proxy", "http://clerk:sesame@proxy.example:3128")
    monkeypatch.setenv("SSL_CERT_FILE", bundle(authority, tmp_path))
    with pytest.raises(ConfigError, match=r"SSL_CERT_FILE is not read: the setting is ca_bundle$"):
        client(server, []).get("faxes")
    with pytest.raises(ProviderDown, match=r"https_proxy is not read: the setting is proxy$"):
        Client(nowhere, ("user", "password"), "Someone", sleep=list[float]().append).get("faxes")

    with pytest.raises(ConfigError, match=r"clock$"):
        client(server, [], ca_bundle=bundle(trustme.CA(), tmp_path)).get("faxes")


BAD = (
    *("relay.example:3128", "https://relay.example:3128", "socks5://relay.example:1080", "http://clerk:relay@"),
    *("http://relay.example", "http://relay.example:port", "http://relay.example:3128/path"),
    *("http://relay example:3128", "http:\\\\relay:3128"),
)


@pytest.mark.parametrize("url", BAD)
def test_a_proxy_that_is_none_is_refused_before_any_request(
    url: str, serve_fake: ServeFake, sync: Sync, settings: Settings
) -> None:
    served = serve_fake("phaxio")
    settings["SOURCES__PROXY"] = url
    synced = sync()

    assert (synced.exit_code, "setting proxy must be" in synced.told, served.server.requests) == (78, True, [])
    assert "relay" not in synced.told


def test_through_a_proxy_nothing_travels_without_tls(
    proxy: Proxy, serve_fake: ServeFake, sync: Sync, settings: Settings
) -> None:
    serve_fake("phaxio", generated("phaxio", 3, days=2))
    settings["SOURCES__PROXY"] = proxy.url

    assert (sync().exit_code, proxy.asked) == (0, [])  # what is on this machine is asked directly

    settings["SOURCES__PHAXIO__BASE_URL"] = "http://phaxio.example/v2"

    assert (sync().exit_code, proxy.asked) == (78, [])


def test_settings_lead_through_the_proxy_with_a_bundle_relative_to_the_project(
    proxy: Proxy,
    authority: trustme.CA,
    serve_tls: Serve,
    serve_fake: ServeFake,
    settings: Settings,
    sync: Sync,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    serve_fake("phaxio")
    server = serve_tls(authority.issue_cert("127.0.0.1"))
    server.body = EMPTY
    settings |= {
        "SOURCES__PHAXIO__BASE_URL": f"{server.url}/v2",
        "SOURCES__PROXY": proxy.url,
        "SOURCES__CA_BUNDLE": os.path.relpath(bundle(authority, tmp_path), ROOT),
    }
    monkeypatch.chdir(tmp_path)

    assert sync().exit_code == 0
    assert server.asked == 2  # for faxes, and for the balance
    assert len(proxy.asked) == 2


@pytest.mark.slow
@pytest.mark.usefixtures("served")
def test_check_tells_of_the_proxy_without_its_password(check: Check, settings: Settings) -> None:
    settings["SOURCES__PROXY"] = "http://clerk:sesame@proxy.example:3128"
    _, told = check()

    assert any("through the proxy 'proxy.example'" in line for line in told["phaxio"]["settings"])
    assert "sesame" not in str(told)
