"""Settings and calls that cannot be: refused before any request, with the way out."""

from pathlib import Path

import pytest

import sources
from pipelines.config.declaration import secrets_of
from tests.conftest import Query, ServeFake, Settings, Sync, SyncProcess, generated
from tests.support.tiers import first_quick

SECRETS = [
    (provider, key) for provider in sources.providers() for key in secrets_of(sources.provider(provider).Settings)
]


def test_without_credentials_the_way_out_is_told(sync: Sync) -> None:
    synced = sync()

    assert (synced.exit_code, "--demo" in synced.told) == (78, True)


@pytest.mark.parametrize(
    ("provider", "key"),
    SECRETS,
)
def test_half_of_the_credentials_name_the_missing_key(
    provider: str, key: str, serve_fake: ServeFake, sync: Sync, settings: Settings
) -> None:
    served = serve_fake(provider)
    settings[f"SOURCES__{provider}__{key}".upper()] = ""
    synced = sync()

    assert (synced.exit_code, key in synced.told, served.server.requests) == (78, True, [])


def test_half_of_the_credentials_of_one_provider_leave_the_other_loaded(
    serve_fake: ServeFake, sync: Sync, settings: Settings, query: Query
) -> None:
    serve_fake("phaxio")
    del settings["SOURCES__PHAXIO__API_SECRET"]
    serve_fake("signalwire", generated("signalwire", 5))

    assert sync().exit_code == 78
    assert query("select provider, count(*) from fax.faxes group by all") == [("signalwire", 5)]


@pytest.mark.parametrize(
    "name",
    [
        *(
            "http://phaxio.example/v2",
            "ftp://phaxio.example",
            "https://user:password@phaxio.example/v2",
            "phaxio.example",
        ),
        *("https:\\\\phaxio.example", "https://"),
    ],
)
def test_a_base_url_that_would_leak_the_credentials_is_refused(
    name: str, serve_fake: ServeFake, sync: Sync, settings: Settings
) -> None:
    serve_fake("phaxio")
    settings["SOURCES__PHAXIO__BASE_URL"] = name

    assert sync().exit_code == 78


NUMBERS = [
    *(f"SOURCES__{key}" for key in ("LOOKBACK_DAYS", "LAG_SECONDS", "REREAD_DAYS", "REREAD_CALLS", "RETRY_SECONDS")),
    *("SOURCES__CONNECTIONS", "SOURCES__PHAXIO__REQUESTS_PER_SECOND", "PRIVACY__KEEP_DAYS", "CHECK__MAX_AGE_HOURS"),
    *("SYNC__HEARTBEAT_MINUTES", "SYNC__BUSY_SECONDS", "SYNC__ROWS_PER_LOAD"),
]


@pytest.mark.parametrize(
    "setting",
    [
        *({"SYNC__SCHEMA": name} for name in ("Fax", "fax;drop", "x" * 41, "1fax", "main-fax", "information_schema")),
        {"SYNC__HEARTBEAT_MINUTES": "often"},
        *({"REPORT__TIMEZONE": name} for name in ("Mars/Olympus", "localtime", "../etc/passwd", "O'Clock")),
        {"SOURCES__LOOKBACK_DAYS": "three"},
        *({"SOURCES__START_DATE": when} for when in ("the beginning", "2999-01-01", "2999-01-01T12:00:00")),
        {"SOURCES__SCHEMA_CONTRACT": "frozen"},
        {"SYNC__DUCKDB_MEMORY": "lots"},
        *({name: bad} for name in NUMBERS for bad in ("-1", "nan", "inf")),
        {"SOURCES__CONNECTIONS": "0"},
        {"SYNC__ROWS_PER_LOAD": "0"},
    ],
    ids=str,
)
def test_a_setting_that_cannot_be_is_refused_before_any_request(
    setting: dict[str, str], serve_fake: ServeFake, sync: Sync, settings: Settings, warehouse: Path
) -> None:
    served = serve_fake("phaxio")
    settings |= setting
    synced = sync()

    named = next(iter(setting)).rpartition("__")[2].lower()
    assert (synced.exit_code, named in synced.told, served.server.requests) == (78, True, [])
    assert "must be" in synced.told
    assert not warehouse.exists()


@pytest.mark.parametrize("is_in_file", [True, False], ids=["in a file", "in the environment"])
def test_a_value_that_cannot_be_is_found_where_the_message_says(
    is_in_file: bool, serve_fake: ServeFake, sync_process: SyncProcess, settings: Settings
) -> None:
    serve_fake("phaxio")
    file = Path(settings["DLT_PROJECT_DIR"]) / ".dlt" / "config.toml"
    where = "set by the environment, SOURCES__PHAXIO__LOOKBACK_DAYS"
    if is_in_file:
        file.write_text('[sources.phaxio]\nlookback_days = "three"\n')
        where = f"set in {file}, as sources.phaxio.lookback_days"
    else:
        settings["SOURCES__PHAXIO__LOOKBACK_DAYS"] = "three"

    assert f"it is {where}" in sync_process().stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("--unknown",),
        ("--since", "yesterday"),
        ("--until", "2026-02-30"),
        ("stray",),
        ("--since",),
        *(("--max-runtime", bad) for bad in ("0", "-5", "nan", "inf", "long")),
    ],
    ids=str,
)
def test_a_wrong_call_is_a_usage_error(arguments: tuple[str, ...], serve_fake: ServeFake, sync: Sync) -> None:
    serve_fake("phaxio")

    assert sync(*arguments).exit_code == 64


def test_an_unknown_provider_is_told_with_those_that_exist(serve_fake: ServeFake, sync: Sync) -> None:
    serve_fake("phaxio")
    synced = sync("--provider", "efax")

    assert (synced.exit_code, "phaxio, signalwire" in synced.told) == (64, True)


@pytest.mark.parametrize("name", ["", "clipper"])
def test_a_destination_that_does_not_exist_is_named(
    name: str, serve_fake: ServeFake, sync: Sync, settings: Settings
) -> None:
    served = serve_fake("phaxio")
    settings["DESTINATION__WAREHOUSE__DESTINATION_TYPE"] = name
    synced = sync()

    assert (synced.exit_code, "destination_type" in synced.told, served.server.requests) == (78, True, [])


WHOLE = [("--full-refresh", *bound) for bound in (("--since", "2026-10-01"), ("--until", "2026-10-01"), ("--refetch",))]


@pytest.mark.parametrize(
    "bounds", [("--since", "2026-10-01", "--until", "2026-09-01"), ("--since", "2999-01-01"), ("--refetch",), *WHOLE]
)
def test_bounds_that_make_no_sense_are_refused(bounds: tuple[str, ...], serve_fake: ServeFake, sync: Sync) -> None:
    served = serve_fake("phaxio", generated("phaxio", 3))

    assert (sync(*bounds).exit_code, served.server.requests) == (64, [])


@pytest.mark.slow
def test_a_range_that_is_proven_already_says_so(serve_fake: ServeFake, sync_process: SyncProcess) -> None:
    serve_fake("phaxio", generated("phaxio", 3, days=2))
    sync_process()
    again = sync_process("--since", "2024-01-01", "--until", "2024-07-01")

    assert (again.returncode, "proven already" in again.stdout) == (0, True)


def test_a_text_without_quotes_is_told_where_it_stands(
    serve_fake: ServeFake, sync_process: SyncProcess, settings: Settings
) -> None:
    serve_fake("phaxio")
    (Path(settings["DLT_PROJECT_DIR"]) / ".dlt" / "secrets.toml").write_text("[sources.phaxio]\napi_key = px-key\n")
    ended = sync_process()

    assert (ended.returncode, "quotes" in ended.stderr, "px-key" in ended.stderr) == (78, True, False)
    assert "secrets.toml is not valid TOML at line 2" in ended.stderr


AROUND = {"a line end": "{}\n", "blanks": "  {} ", "a Windows line end": "{}\r\n"}
ODD = {
    "typographic quotes": "“{}”",
    "an apostrophe": "{}’",
    "quotes": "'{}'",
    "a line end within": "a\n{}",
    "an ñ": "ñ{}",
}


@pytest.mark.parametrize("name", first_quick(AROUND))
@pytest.mark.parametrize("provider", first_quick(sources.providers()))
def test_what_copying_leaves_around_a_key_is_not_sent(
    name: str, provider: str, serve_fake: ServeFake, settings: Settings, sync: Sync
) -> None:
    serve_fake(provider, generated(provider, 3, days=2))
    for key in secrets_of(sources.provider(provider).Settings):
        place = f"SOURCES__{provider}__{key}".upper()
        settings[place] = AROUND[name].format(settings[place])

    assert sync().exit_code == 0


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize(("provider", "key"), SECRETS)
def test_what_no_key_holds_is_refused_before_any_request(
    name: str, provider: str, key: str, serve_fake: ServeFake, settings: Settings, sync: Sync
) -> None:
    served, place = serve_fake(provider), f"SOURCES__{provider}__{key}".upper()
    settings[place] = ODD[name].format(settings[place])
    synced = sync()

    assert (synced.exit_code, f"setting {key}" in synced.told, served.server.requests) == (78, True, [])


def test_what_other_programs_call_their_settings_is_none_of_ours(
    serve_fake: ServeFake, settings: Settings, sync: Sync
) -> None:
    served = serve_fake("phaxio", generated("phaxio", 3, days=2))
    settings |= {"BASE_URL": "http://127.0.0.1:9/theirs", "API_KEY": "theirs", "CONNECTIONS": "many"}

    assert (sync().exit_code, len(served.fake.truth())) == (0, 3)
    assert served.server.requests != []
