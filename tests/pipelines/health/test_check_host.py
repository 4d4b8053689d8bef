"""check.py names what is wrong with this machine and with the settings."""

import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import duckdb
import pytest

from tests.conftest import ROOT, Served, Settings
from tests.support.commands.check_command import Check
from tests.support.environment import child_environment
from tests.support.warehouse.file_and_database import File


@pytest.mark.usefixtures("served")
def test_a_disk_with_little_room_is_named_that_of_the_warehouse_too(
    check: Check, warehouse: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.health.machine._LEAST_DISK", 10**18)
    exit_code, told = check()
    named = [told[place]["findings"][0] for place in ("this machine", "phaxio")]
    disks = [f"the disk of {place}" for place in (ROOT, warehouse.parent)]

    assert (exit_code, [finding.partition(" has ")[0] for finding in named]) == (65, disks)
    assert all("free some space" in finding for finding in named)


@pytest.mark.slow
@pytest.mark.usefixtures("served")
def test_people_are_told_the_findings_and_their_remedies(settings: Settings, warehouse: Path) -> None:
    File(warehouse).write("delete from fax_phaxio.faxes where id % 2 = 0")
    secrets = Path(settings["DLT_PROJECT_DIR"]) / ".dlt" / "secrets.toml"
    secrets.touch(0o600)
    secrets.write_text(f'[sources.phaxio]\napi_secret = "{settings.pop("SOURCES__PHAXIO__API_SECRET")}"\n')
    command = [sys.executable, str(ROOT / "pipelines" / "check.py"), "--verbose"]
    told = subprocess.run(command, env=child_environment(settings), capture_output=True, text=True, check=False)

    assert told.returncode == 65
    assert re.search(r"^phaxio: \d findings?\n  - ", told.stdout, re.MULTILINE)
    assert "/pipelines/sync.py --since " in told.stdout
    assert "  sources.phaxio.api_key: set by the environment" in told.stdout
    assert f"  sources.phaxio.api_secret: set in {secrets}, as sources.phaxio.api_secret" in told.stdout
    assert f"  destination.warehouse.destination_type: set in {secrets.with_name('config.toml')}" in told.stdout


@pytest.mark.usefixtures("served")
def test_a_missing_half_of_the_credentials_is_named(check: Check, settings: Settings) -> None:
    del settings["SOURCES__PHAXIO__API_SECRET"]
    exit_code, told = check()

    assert (exit_code, "lacks api_secret: set it under [sources.phaxio]" in told["phaxio"]["findings"][0]) == (65, True)
    assert "sources.phaxio.api_secret: NOT SET" in told["phaxio"]["settings"]


@pytest.mark.usefixtures("served")
def test_secrets_that_others_can_read_are_named(check: Check, settings: Settings) -> None:
    secrets = Path(settings["DLT_PROJECT_DIR"]) / ".dlt" / "secrets.toml"
    secrets.write_bytes((ROOT / ".dlt" / "example.secrets.toml").read_bytes())
    secrets.chmod(0o644)
    exit_code, told = check()

    assert (exit_code, "chmod 600" in told["this machine"]["findings"][0]) == (65, True)


def test_what_was_found_to_be_in_order_is_told_and_no_secret(served: Served, check: Check) -> None:
    _, told = check()
    of_account = told["phaxio"]["settings"]

    assert "sources.phaxio.api_key: set by the environment, SOURCES__PHAXIO__API_KEY" in of_account
    assert "sources.phaxio: credentials accepted, the provider lists faxes" in of_account
    assert any(f"opened by DuckDB v{duckdb.__version__}" in line for line in of_account)
    assert [key for key in (served.fake.api_key, served.fake.api_secret) if key in str(told)] == []


@pytest.mark.usefixtures("served")
def test_packages_that_are_missing_or_were_never_tried_are_named(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    def installed(name: str) -> str:
        if name == "shtab":
            raise PackageNotFoundError(name)
        return "9.9.9" if name == "dlt" else version(name)

    monkeypatch.setattr("pipelines.config.packages.version", installed)
    exit_code, told = check()
    findings = [finding.partition(": run uv sync")[0] for finding in told["this machine"]["findings"]]

    assert (exit_code, findings) == (65, ["dlt 9.9.9 is not a tested version", "shtab is not installed"])
