"""Credentials travel over verified TLS only: one attempt, and no way around it but a CA that is configured."""

import os
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

import sources
from sources.errors import ConfigError, ProviderDown
from sources.http.client import Client
from sources.http.limits import Limits
from sources.http.oauth2 import ClientCredentials
from tests.conftest import ServeFake, Settings, Sync
from tests.support.servers.tls_server import Counted, Serve, bundle


def client(server: Counted, slept: list[float], proxy: str = "", ca_bundle: str = "") -> Client:
    limits = Limits(proxy=proxy, ca_bundle=ca_bundle)
    return Client(server.url, ("user", "password"), "Someone", limits, sleep=slept.append)


def test_a_private_authority_is_trusted_where_it_is_configured(
    authority: trustme.CA, serve_tls: Serve, tmp_path: Path
) -> None:
    server = serve_tls(authority.issue_cert("127.0.0.1"))

    assert client(server, [], ca_bundle=bundle(authority, tmp_path)).get("faxes") == {"fine": True}


def test_the_certificates_are_read_once_for_all_connections(
    authority: trustme.CA, serve_tls: Serve, tmp_path: Path
) -> None:
    server = serve_tls(authority.issue_cert("127.0.0.1"))  # it closes each connection after one response
    asking = client(server, [], ca_bundle=bundle(authority, tmp_path))
    (tmp_path / "ca.pem").unlink()

    assert [asking.get("faxes"), asking.get("faxes"), server.asked] == [{"fine": True}, {"fine": True}, 2]


def test_a_bundle_that_has_changed_is_read_again(authority: trustme.CA, serve_tls: Serve, tmp_path: Path) -> None:
    server = serve_tls(authority.issue_cert("127.0.0.1"))
    other = bundle(trustme.CA(), tmp_path)
    os.utime(other, (0, 0))
    with pytest.raises(ConfigError, match="TLS verification"):
        client(server, [], ca_bundle=other).get("faxes")

    assert client(server, [], ca_bundle=bundle(authority, tmp_path)).get("faxes") == {"fine": True}


def test_the_environment_can_make_nobody_trusted(
    authority: trustme.CA, serve_tls: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve_tls(authority.issue_cert("127.0.0.1"))
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setitem(os.environ, name, bundle(authority, tmp_path))

    with pytest.raises(ConfigError):
        client(server, []).get("faxes")


@pytest.mark.parametrize("fault", ["of somebody else", "expired", "for another host"])
def test_a_certificate_that_does_not_hold_ends_the_run_at_once(
    fault: str, authority: trustme.CA, serve_tls: Serve, tmp_path: Path
) -> None:
    other = trustme.CA() if fault == "of somebody else" else authority
    ends = datetime.now(UTC) - timedelta(days=1) if fault == "expired" else None
    name = "127.0.0.2" if fault == "for another host" else "127.0.0.1"
    server, slept = serve_tls(other.issue_cert(name, not_after=ends)), list[float]()

    with pytest.raises(ConfigError, match="TLS verification"):
        client(server, slept, ca_bundle=bundle(authority, tmp_path)).get("faxes")
    assert (server.asked, slept) == (0, [])


# What a server sends in place of its part of the handshake before it closes: nothing; the end of the connection
# (close_notify); an alert that it has failed (internal_error); an answer in plain HTTP.
CUT = {"nothing": b"", "an end": bytes([21, 3, 3, 0, 2, 1, 0]), "a failure": bytes([21, 3, 3, 0, 2, 2, 80])}
PLAIN = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"


@contextmanager
def breaking_off(sent: bytes) -> Iterator[str]:
    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(1 << 16)
            self.request.sendall(sent)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"https://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.mark.parametrize("sent", CUT.values(), ids=CUT)
def test_a_handshake_that_breaks_off_is_tried_again(sent: bytes) -> None:
    slept = list[float]()
    with breaking_off(sent) as url, pytest.raises(ProviderDown, match="could not be reached"):
        Client(url, ("user", "password"), "Someone", Limits(attempts=3), sleep=slept.append).get("faxes")
    assert len(slept) == 2


@pytest.mark.parametrize("sent", CUT.values(), ids=CUT)
def test_a_handshake_with_the_token_endpoint_that_breaks_off_is_tried_again(sent: bytes) -> None:
    slept, limits = list[float](), Limits(attempts=3)
    with breaking_off(sent) as url, pytest.raises(ProviderDown, match="the token endpoint of Someone"):
        auth = ClientCredentials(f"{url}/token", ("user", "password"), "Someone", limits)
        Client(url, auth, "Someone", limits, sleep=slept.append).get("faxes")
    assert len(slept) == 2


def test_a_server_without_tls_is_a_setting_to_mend() -> None:
    slept = list[float]()
    with breaking_off(PLAIN) as url, pytest.raises(ConfigError, match="check base_url"):
        Client(url, ("user", "password"), "Someone", sleep=slept.append).get("faxes")
    assert slept == []


def test_a_bundle_that_is_not_there_is_named_before_anything_is_asked() -> None:
    with pytest.raises(ConfigError, match="ca_bundle"):
        Client("https://127.0.0.1:1", ("user", "password"), "Someone", Limits(ca_bundle="/nowhere/ca.pem"))


@pytest.mark.parametrize("content", [b"", b"a text", trustme.CA().cert_pem.bytes()[:90]], ids=["empty", "text", "cut"])
def test_a_bundle_without_a_certificate_is_named_before_anything_is_asked(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_bytes(content)
    with pytest.raises(ConfigError, match="the file of setting ca_bundle has no PEM certificate"):
        Client("https://127.0.0.1:1", ("user", "password"), "Someone", Limits(ca_bundle=str(tmp_path / "ca.pem")))


@pytest.mark.parametrize("provider", sources.providers())
def test_the_bundle_of_the_settings_is_the_one_that_is_used(
    provider: str, serve_fake: ServeFake, settings: Settings, sync: Sync
) -> None:
    served = serve_fake(provider)
    settings["SOURCES__CA_BUNDLE"] = "/nowhere/ca.pem"
    synced = sync()

    assert (synced.exit_code, "ca_bundle names no file" in synced.told, served.server.requests) == (78, True, [])
