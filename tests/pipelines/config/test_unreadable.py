"""A file of settings that cannot be read is named with the reason, by every command, before anything is asked."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, ServeFake, Settings, generated
from tests.support.commands.privileges import without_privileges
from tests.support.environment import child_environment

COMMANDS = ("sync.py", "check.py", "report.py", "describe.py", "pseudonym.py")


@pytest.fixture(name="without_privileges")
def commands_without_privileges() -> list[str]:
    """What to put before a command so that a file's mode holds for it."""
    return without_privileges()


def ended(before: list[str], command: str, settings: Settings) -> tuple[int, str]:
    run = [*before, sys.executable, str(ROOT / "pipelines" / command)]
    env = child_environment(settings, PATH=os.environ["PATH"])
    done = subprocess.run(run, env=env, capture_output=True, text=True, input="+12065550100\n", check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["secrets.toml", "config.toml"])
@pytest.mark.parametrize("command", COMMANDS)
def test_a_directory_or_no_toml_in_place_of_the_settings_is_named(
    command: str, name: str, settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from importlib import import_module

    main = import_module(f"pipelines.{command.removesuffix('.py')}").main
    for key, value in settings.items():
        monkeypatch.setenv(key, value)
    path = Path(settings["DLT_PROJECT_DIR"]) / ".dlt" / name
    path.unlink(missing_ok=True)
    path.mkdir()

    assert (main([]), f"{path} is a directory" in caplog.text, "Traceback" in caplog.text) == (78, True, False)

    path.rmdir()
    path.write_bytes(b"[sources\n\xff")

    assert (main([]), f"{path} is not valid TOML" in caplog.text) == (78, True)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ('[report]\ntimezone = "UTC"\n'.encode("utf-8-sig"), ": it begins with a byte order mark; save it as UTF-8"),
        ('[report]\ntimezone = "UTC"\n'.encode("utf-16"), ": it begins with a byte order mark; save it as UTF-8"),
        ("[report]\n# é\n".encode("latin-1"), ": it is not UTF-8; save it as UTF-8"),
        (b'[report]\n\ttimezone\t=\t"UTC"\ntimezone = "UTC"\n', " at line 3: a text lacks quotes, or a key"),
    ],
    ids=["BOM", "UTF-16", "Latin-1", "repeated"],
)
def test_the_reason_why_a_file_is_not_toml_is_told(
    content: bytes, reason: str, settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from pipelines.status import main

    for key, value in settings.items():
        monkeypatch.setenv(key, value)
    path = Path(settings["DLT_PROJECT_DIR"]) / ".dlt" / "config.toml"
    path.write_bytes(content)

    assert (main([]), f"{path} is not valid TOML{reason}" in caplog.text) == (78, True), caplog.text


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ('[[sources.phaxio.accounts]]\nname = "east"\napi_key = "k"\n', "[sources.phaxio.accounts.<name>]"),
        ('[sources.phaxio]\naccounts = ["east", "west"]\n', "[sources.phaxio.accounts.<name>]"),
        ('[sources.phaxio.accounts]\neast = "Kestrel7"\n', "[sources.phaxio.accounts.east]"),
        ("[[sources.phaxio.accounts.east]]\n[[sources.phaxio.accounts.east]]\n", "[sources.phaxio.accounts.east]"),
        ('[[sources.phaxio]]\napi_key = "k"\n', "[sources.phaxio]"),
        ("[[sync]]\nbusy_seconds = 3\n", "[sync]"),
        ('[destination]\nwarehouse = "postgresql://x:Kestrel7@host/db"\n', "[destination.warehouse]"),
        ('privacy = "drop"\n', "[privacy]"),
    ],
)
def test_a_value_in_place_of_a_section_is_refused(
    content: str, named: str, settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from pipelines.status import main

    for key, value in settings.items():
        monkeypatch.setenv(key, value)
    (Path(settings["DLT_PROJECT_DIR"]) / ".dlt" / "secrets.toml").write_text(content)

    assert (main([]), f"must be a section: write {named} in a line above" in caplog.text) == (78, True), caplog.text
    assert "Kestrel7" not in caplog.text


@pytest.mark.parametrize("name", ["secrets.toml", "config.toml"])
def test_settings_that_are_closed_to_us_cannot_be_read(
    name: str, settings: Settings, without_privileges: list[str]
) -> None:
    path = Path(settings["DLT_PROJECT_DIR"]) / ".dlt" / name
    path.touch()
    path.chmod(0)
    exit_code, told = ended(without_privileges, "sync.py", settings)

    assert (exit_code, f"{path} cannot be read (Permission denied)" in told, "written" in told) == (78, True, False)


@pytest.mark.slow
def test_a_ca_bundle_that_is_closed_to_us_cannot_be_read(
    serve_fake: ServeFake, settings: Settings, without_privileges: list[str], tmp_path: Path
) -> None:
    serve_fake("phaxio", generated("phaxio", 3))
    bundle = tmp_path / "bundle.pem"
    bundle.touch(0)
    exit_code, told = ended(without_privileges, "sync.py", settings | {"SOURCES__CA_BUNDLE": str(bundle)})

    assert (exit_code, "ca_bundle cannot be read (Permission denied)" in told) == (78, True), told


@pytest.mark.slow
def test_a_warehouse_whose_mode_keeps_the_sync_out_is_named(
    without_privileges: list[str], serve_fake: ServeFake, settings: Settings, warehouse: Path
) -> None:
    serve_fake("phaxio", generated("phaxio", 1))
    warehouse.touch(mode=0o000)
    exit_code, told = ended(without_privileges, "sync.py", settings)

    assert (exit_code, f"{warehouse} cannot be opened: check its owner and its mode" in told) == (74, True), told
