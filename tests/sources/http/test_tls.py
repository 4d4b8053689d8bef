"""Credentials travel over verified TLS only: one attempt, and no way around it but a CA that is configured."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

import sources
from sources.errors import ConfigError
from sources.http.client import Client
from sources.http.limits import Limits
from tests.conftest import ServeFake, Settings, Sync
from tests.support.servers.tls_server import Counted, Serve, bundle


def client(server: Counted, slept: list[float], **limits: str) -> Client:
    return Client(server.url, ("user", "password"), "Someone", Limits(**limits), sleep=slept.append)  # type: ignore[arg-type]


def test_a_private_authority_is_trusted_where_it_is_configured(
    authority: trustme.CA, serve_tls: Serve, tmp_path: Path
) -> None:
    server = serve_tls(authority.issue_cert("127.0.0.1"))

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


def test_a_bundle_that_is_not_there_is_named_before_anything_is_asked() -> None:
    with pytest.raises(ConfigError, match="ca_bundle"):
        Client("https://127.0.0.1:1", ("user", "password"), "Someone", Limits(ca_bundle="/nowhere/ca.pem"))


@pytest.mark.parametrize("provider", sources.providers())
def test_the_bundle_of_the_settings_is_the_one_that_is_used(
    provider: str, serve_fake: ServeFake, settings: Settings, sync: Sync
) -> None:
    served = serve_fake(provider)
    settings["SOURCES__CA_BUNDLE"] = "/nowhere/ca.pem"
    synced = sync()

    assert (synced.exit_code, "ca_bundle names no file" in synced.told, served.server.requests) == (78, True, [])
