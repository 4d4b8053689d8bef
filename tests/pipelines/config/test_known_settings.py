"""A setting that nobody reads is named, with the one that may be meant; and all that are read are known."""

import re
from pathlib import Path

import pytest

from pipelines.config.declaration import settings_of
from pipelines.config.settings import SECTIONS
from sources import provider, providers
from tests.conftest import ROOT, ServeFake, Settings, Sync
from tests.support.commands.check_command import Check


def config(settings: Settings) -> Path:
    return Path(settings["DLT_PROJECT_DIR"]) / ".dlt" / "config.toml"


def test_every_setting_that_is_declared_is_read_by_the_code() -> None:
    folders = ("pipelines", "notebooks", "sources")
    code = "".join(path.read_text() for folder in folders for path in (ROOT / folder).rglob("*.py"))
    declared = {setting.name for section in SECTIONS for setting in settings_of(section)}
    declared |= {setting.name for name in providers() for setting in settings_of(provider(name).Settings)}

    assert len(declared) > 25
    used = r'[\w)]\.{0}\b|\bsetting="{0}"'  # the second is how a further list names what turns it off
    assert {name for name in declared if not re.search(used.format(name), code)} == set()


MISTAKES = """
[sources]
lookback_day = 3
[sources.phaxio]
base_ulr = "x"
[sources.phaxio.accounts.east]
api_kee = "x"
[sources.faxio]
start_date = 2024-01-01
[privcy]
keep_days = 30
[weather]
unit = "C"
"""
MEANT = {
    "sources.lookback_day": "did you mean sources.lookback_days?",
    "sources.phaxio.base_ulr": "did you mean sources.phaxio.base_url?",
    "sources.phaxio.accounts.east.api_kee": "did you mean sources.phaxio.accounts.east.api_key?",
    "sources.faxio.start_date": "did you mean sources.phaxio.start_date?",
    "privcy.keep_days": "did you mean privacy.keep_days?",
    "weather.unit": "docs/settings.md lists the settings",
}


@pytest.mark.slow
@pytest.mark.usefixtures("served")
def test_settings_of_the_files_that_nobody_reads_are_found(check: Check, settings: Settings) -> None:
    config(settings).write_text(MISTAKES)
    exit_code, told = check()

    assert sorted(told["this machine"]["findings"]) == sorted(
        f"unknown setting {name} in {config(settings)} is ignored: {remedy}" for name, remedy in MEANT.items()
    )
    assert exit_code == 65


@pytest.mark.usefixtures("served")
def test_a_variable_that_nobody_reads_is_noted(check: Check, settings: Settings) -> None:
    settings |= {"SYNC__BUSY_SECOND": "3", "SOURCES__PHAXIO__START_DAT": "2024-01-01"}
    settings["SOURCES__PHAXIO__ACCOUNT__EAST__API_KEY"] = "Kestrel7"
    exit_code, told = check()

    assert told["this machine"]["notes"] == [
        "unknown setting SOURCES__PHAXIO__ACCOUNT__EAST__API_KEY in the environment is ignored: "
        "did you mean SOURCES__PHAXIO__ACCOUNTS__EAST__API_KEY?",
        "unknown setting SOURCES__PHAXIO__START_DAT in the environment is ignored: "
        "did you mean SOURCES__PHAXIO__START_DATE?",
        "unknown setting SYNC__BUSY_SECOND in the environment is ignored: did you mean SYNC__BUSY_SECONDS?",
    ]
    assert exit_code == 0


@pytest.mark.usefixtures("served")
def test_what_dlt_reads_is_left_to_dlt(check: Check, settings: Settings) -> None:
    config(settings).write_text(
        "[data_writer]\nfile_max_items = 9\n[fax_phaxio_default.load]\nworkers = 1\n"
        "[sources.data_writer]\nbuffer_max_items = 9\n[destination.other]\nanything = 1\n"
    )
    exit_code, told = check()

    nothing = {"findings": [], "notes": [], "looked_at": True, "is_faulty": False}

    del told["this machine"]["settings"]
    assert (exit_code, told["this machine"]) == (0, nothing)


@pytest.mark.usefixtures("served")
def test_a_setting_of_an_earlier_version_is_a_note(check: Check, settings: Settings) -> None:
    config(settings).write_text("[sources]\nreader_process_from = 5000\n")
    exit_code, told = check()

    assert exit_code == 0
    assert told["this machine"]["findings"] == []
    assert [note.partition(" in ")[::2] for note in told["this machine"]["notes"]] == [
        ("sources.reader_process_from", f"{config(settings)} is no longer used: remove it")
    ]


def test_a_sync_tells_it_and_goes_on(serve_fake: ServeFake, settings: Settings, sync: Sync) -> None:
    serve_fake("phaxio")
    config(settings).write_text(config(settings).read_text() + "\n[sink]\nbusy_second = 30\n")
    synced = sync()

    assert (synced.exit_code, "sink.busy_second" in synced.told) == (0, True)


@pytest.mark.parametrize(
    ("place", "closest"),
    [
        ("privacy.phone_number", "privacy.phone_numbers"),
        ("privacy.retention", "docs/settings.md"),
        ("privcy.keep_days", "privacy.keep_days"),
        ("privcay.xyz", "docs/settings.md"),
        ("PRIVACY__PHONE_NUMBER", "PRIVACY__PHONE_NUMBERS"),
        ("PRIVCY__KEY", "PRIVACY__KEY"),
    ],
)
def test_a_misspelt_setting_that_would_keep_phone_numbers_is_refused(
    place: str, closest: str, serve_fake: ServeFake, settings: Settings, sync: Sync
) -> None:
    served = serve_fake("phaxio")
    if place.isupper():
        settings[place] = "drop"
    else:
        config(settings).write_text(f"{place} = 'drop'")
    synced = sync()

    assert (synced.exit_code, served.server.requests) == (78, [])
    assert place in synced.told
    assert closest in synced.told


SECRETS = """
[sources.phaxio]
api_key = "Kestrel7"
api_secret = ""
[sources.signalwire.accounts.east]
api_token = "Kestrel7"
[privacy]
key = "Kestrel7"
[destination.warehouse]
credentials = "postgresql://fax_sync:Kestrel7@host.example/db"
"""
MISPLACED = (
    "sources.phaxio.api_key",
    "sources.signalwire.accounts.east.api_token",
    "privacy.key",
    "destination.warehouse.credentials",
)


@pytest.mark.usefixtures("served")
def test_secrets_in_the_file_that_git_tracks_are_told(check: Check, sync: Sync, settings: Settings) -> None:
    config(settings).write_text(SECRETS)
    exit_code, told = check()
    expected = [f"{name} is in {config(settings)}, which git tracks: move it to secrets.toml" for name in MISPLACED]

    assert (exit_code, told["this machine"]["findings"]) == (65, expected)
    synced = sync()
    assert all(sentence in synced.told for sentence in expected)
    assert "Kestrel7" not in synced.told
