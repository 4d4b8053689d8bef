"""Accounts that cannot be: refused before any request, by their names."""

import pytest

from sources.signalwire import Settings as SignalWire
from sources.signalwire import connect
from tests.conftest import Query, ServeFake, Settings, Sync, generated


@pytest.mark.parametrize(
    ("name", "told"),
    [("1st", "begins with a letter"), ("a" * 45, "44 letters at most"), ("default", "is not 'default'")],
    ids=["1st", "long", "default"],
)
def test_a_name_that_no_account_can_have_is_refused(
    name: str, told: str, serve_fake: ServeFake, sync: Sync, settings: Settings
) -> None:
    served = serve_fake("phaxio")
    settings[f"SOURCES__PHAXIO__ACCOUNTS__{name}__API_KEY".upper()] = "Kestrel7"
    synced = sync()

    assert (synced.exit_code, told in synced.told, served.server.requests) == (78, True, [])


def test_the_longest_name_that_an_account_can_have_is_loaded(
    serve_fake: ServeFake, sync: Sync, settings: Settings
) -> None:
    serve_fake("phaxio")
    name = "a" * (63 - len("fax_phaxio__staging"))
    for key in ("API_KEY", "API_SECRET"):
        settings[f"SOURCES__PHAXIO__ACCOUNTS__{name.upper()}__{key}"] = settings.pop(f"SOURCES__PHAXIO__{key}")

    assert sync().exit_code == 0


@pytest.mark.parametrize("shared", [True, False], ids=["taken from the provider", "written twice"])
def test_two_accounts_with_the_same_credentials_are_refused(
    shared: bool, serve_fake: ServeFake, sync: Sync, settings: Settings
) -> None:
    served = serve_fake("phaxio")
    keys = {f"SOURCES__PHAXIO__{key}": settings[f"SOURCES__PHAXIO__{key}"] for key in ("API_KEY", "API_SECRET")}
    settings |= {name.replace("PHAXIO__", "PHAXIO__ACCOUNTS__EAST__"): value for name, value in keys.items()}
    if shared:
        settings["SOURCES__PHAXIO__ACCOUNTS__WEST__LOOKBACK_DAYS"] = "2"
        del settings["SOURCES__PHAXIO__ACCOUNTS__EAST__API_SECRET"]
    synced = sync()

    assert (synced.exit_code, "the same credentials" in synced.told, served.server.requests) == (78, True, [])
    assert "'default' and 'east'" in synced.told


def test_a_project_whose_space_is_written_in_two_forms_is_one_account(sync: Sync, settings: Settings) -> None:
    values = {"SPACE": "acme-clinics", "PROJECT_ID": "of-the-project", "API_TOKEN": "of-the-token"}
    settings |= {f"SOURCES__SIGNALWIRE__{name}": value for name, value in values.items()}
    values["SPACE"] = "https://ACME-Clinics.signalwire.com/dashboard"
    settings |= {f"SOURCES__SIGNALWIRE__ACCOUNTS__EAST__{name}": value for name, value in values.items()}
    synced = sync("--provider", "signalwire")

    assert (synced.exit_code, "the same space and project_id" in synced.told) == (78, True)


@pytest.mark.parametrize(
    ("provider", "key", "same"),
    [("signalwire", "API_TOKEN", "space and project_id"), ("sinch", "KEY_ID", "project_id")],
)
def test_two_keys_of_one_project_are_one_account(
    provider: str, key: str, same: str, serve_fake: ServeFake, sync: Sync, settings: Settings
) -> None:
    served = serve_fake(provider)
    settings[f"SOURCES__{provider}__ACCOUNTS__EAST__{key}".upper()] = "Kestrel7"
    synced = sync("--provider", provider)

    assert (synced.exit_code, f"the same {same}, so" in synced.told, served.server.requests) == (78, True, [])


@pytest.mark.parametrize(
    "space", ["acme", "ACME.SignalWire.com", "https://acme.signalwire.com/", "http://acme.signalwire.com:443/x?y"]
)
def test_a_space_is_taken_as_people_paste_it(space: str) -> None:
    url = connect(SignalWire(space=space, project_id="p", api_token="t")).base_url

    assert url == "https://acme.signalwire.com/api/"


@pytest.mark.parametrize(
    "space", ["demo@elsewhere", "demo.elsewhere.com", "https://", "demo.signalwire.com.elsewhere.com"]
)
def test_what_is_no_space_is_refused(space: str, serve_fake: ServeFake, sync: Sync, settings: Settings) -> None:
    served = serve_fake("signalwire")
    settings["SOURCES__SIGNALWIRE__SPACE"] = space
    synced = sync()

    assert (synced.exit_code, "the name in front of" in synced.told, served.server.requests) == (78, True, [])


def test_a_provider_given_as_an_account_is_told_to_be_one(serve_fake: ServeFake, sync: Sync) -> None:
    serve_fake("phaxio")
    synced = sync("--account", "phaxio")

    assert (synced.exit_code, "use --provider phaxio" in synced.told) == (64, True)


def test_a_provider_out_of_reach_is_named_by_its_host(serve_fake: ServeFake, sync: Sync, settings: Settings) -> None:
    serve_fake("signalwire")
    settings["SOURCES__SIGNALWIRE__BASE_URL"] = "https://127.0.0.1:9/api"
    synced = sync()

    assert (synced.exit_code, "SignalWire at '127.0.0.1' could not be reached" in synced.told) == (75, True)


@pytest.mark.parametrize("url", ["hc-ping.com/abc", "http://hc-ping.com/abc"])
def test_a_url_of_a_watcher_that_cannot_be_is_named(
    url: str, serve_fake: ServeFake, sync: Sync, settings: Settings
) -> None:
    served = serve_fake("phaxio")
    settings["NOTIFY__PING_URL"] = url
    synced = sync()

    assert (synced.exit_code, "[notify] ping_url must" in synced.told, served.server.requests) == (78, True, [])


@pytest.mark.slow
def test_each_account_keeps_the_ledger_of_windows_that_both_have_read(
    serve_fake: ServeFake, sync: Sync, settings: Settings, query: Query
) -> None:
    for name in ("east", "west"):
        serve_fake("signalwire", generated("signalwire", 10), project_id=f"project-{name}", api_token=f"token-{name}")
        keys = [key for key in settings if key.startswith("SOURCES__SIGNALWIRE__") and "ACCOUNTS" not in key]
        for key in keys:
            settings[key.replace("SIGNALWIRE__", f"SIGNALWIRE__ACCOUNTS__{name.upper()}__")] = settings.pop(key)

    assert sync().exit_code == 0
    first = "select account, min(from_at) from fax_signalwire.sync_windows group by account order by account"
    (east, begins), (west, also_begins) = query(first)
    assert (east, west, begins) == ("east", "west", also_begins)
