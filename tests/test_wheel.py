"""The installed command: one package in site-packages, each command from there, and the project's directory."""

import os
import subprocess
import sys
import sysconfig
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from fax_warehouse.command import COMMANDS, NAME
from pipelines.config import bootstrap
from pipelines.config.declaration import secrets_of
from sources import provider, providers
from tests.conftest import ROOT, ServeFake, Settings, generated
from tests.support.environment import child_environment

Run = Callable[..., "subprocess.CompletedProcess[str]"]
OF_CLONE = [sys.executable, "-m", "fax_warehouse"]


def ran(command: list[str], cwd: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    """The command as a process, without a word on where the project is."""
    clean = child_environment(environment)
    for name in ("DLT_PROJECT_DIR", "DLT_LOCAL_DIR"):
        del clean[name]
    return subprocess.run(command, env=clean, cwd=cwd, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The command of a wheel of this clone, in an environment with nothing else but the dependencies."""
    place = tmp_path_factory.mktemp("wheel")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", place], cwd=ROOT, check=True)
    subprocess.run(["uv", "venv", "--quiet", "--python", sys.executable, place / "venv"], check=True)
    python = str(place / "venv" / "bin" / "python")
    wheels = [str(wheel) for wheel in place.glob("*.whl")]
    uv = ["uv", "pip", "install", "--quiet", "--offline", "--no-deps", "--python", python, *wheels]
    subprocess.run(uv, check=True)
    (packages,) = (place / "venv" / "lib").glob("*/site-packages")
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"))

    assert {path.name for path in packages.iterdir() if path.name in ("fax_warehouse", "sources", "pipelines")} == {
        "fax_warehouse"
    }
    return [str(place / "venv" / "bin" / "fax-warehouse")]


@pytest.mark.slow
def test_every_command_runs_from_a_wheel(installed: list[str], tmp_path: Path) -> None:
    keys = {
        f"SOURCES__{name}__{key}".upper(): "" for name in providers() for key in secrets_of(provider(name).Settings)
    }
    arguments = {
        "init": (78, []),
        "sync": (78, []),
        "status": (0, ["--demo"]),
        "check": (0, ["--demo"]),
        "report": (0, ["--demo"]),
        "describe": (0, []),
        "pseudonym": (78, []),
        "completion": (0, ["bash"]),
    }
    assert "fax-warehouse report --demo" in ran([*installed, "demo"], tmp_path, **keys).stdout
    assert (tmp_path / "demo.duckdb").exists()
    shown = ran([*installed, "--help"], tmp_path).stdout
    there = {name for name in COMMANDS if f"\n  {name} " in shown} - {"demo"}
    for name in sorted(there):
        code, options = arguments.get(name, (0, ["--help"]))
        ended = ran([*installed, name, *options], tmp_path, **keys)

        assert (name, ended.returncode, "Traceback" in ended.stderr) == (name, code, False), ended.stderr
    assert there == {path.stem for path in (ROOT / "pipelines").glob("*.py")} & {*COMMANDS} - {"demo"} | {"completion"}


@pytest.mark.slow
def test_a_wheel_syncs_into_the_directory_that_is_chosen(
    installed: list[str], serve_fake: ServeFake, settings: Settings, tmp_path: Path
) -> None:
    serve_fake("phaxio", generated("phaxio", 3))
    of_fake = {name: value for name, value in settings.items() if name.startswith("SOURCES__")}
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()

    assert ran([*installed, "sync"], here, **of_fake).returncode == 0
    assert ran([*installed, "--project", str(there), "sync"], here, **of_fake).returncode == 0
    assert os.listdir(there) == os.listdir(here) and "warehouse.duckdb" in os.listdir(here)  # noqa: PTH208
    checked = ran([*installed, "check", "--verbose"], here, FAX_WAREHOUSE_PROJECT=str(there), **of_fake)
    assert f"project: {there}," in checked.stdout


def test_the_command_has_one_name() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert {NAME} == {bootstrap.COMMAND, project["name"], *project["scripts"]}


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--version"], 0, "fax-warehouse 0."),
        (["--help"], 0, "  sync "),
        ([], 64, "  sync "),
        (["snyc"], 64, "there is no command 'snyc'"),
        (["sync", "--project", "/nowhere"], 64, "there is no directory /nowhere"),
    ],
    ids=str,
)
def test_the_command_of_a_clone_shows_what_there_is(arguments: list[str], code: int, words: str) -> None:
    ended = ran([*OF_CLONE, *arguments], ROOT)

    assert (ended.returncode, words in ended.stdout + ended.stderr) == (code, True)


@pytest.mark.slow
def test_the_command_of_a_clone_is_the_script(tmp_path: Path) -> None:
    ended = ran([*OF_CLONE, "--project", str(tmp_path), "sync", "--unknown"], ROOT)

    assert (ended.returncode, ended.stderr.startswith("usage: fax-warehouse sync ")) == (64, True)


@pytest.mark.slow
def test_the_command_of_a_clone_names_itself_in_what_is_to_be_done(tmp_path: Path) -> None:
    keys = {"API_KEY": "of-the-account", "API_SECRET": "of-the-secret", "BASE_URL": "http://127.0.0.1:9"}
    of_fake = {f"SOURCES__PHAXIO__{name}": value for name, value in keys.items()} | {"SOURCES__RETRY_SECONDS": "0"}
    ended = ran([*OF_CLONE, "--project", str(tmp_path), "check"], ROOT, **of_fake)

    assert f"nothing has been loaded yet: run fax-warehouse --project {tmp_path} sync\n" in ended.stdout

    elsewhere = ran([*OF_CLONE, "status"], ROOT, FAX_WAREHOUSE_PROJECT=str(tmp_path))

    assert f"there is no {tmp_path / 'warehouse.duckdb'} yet: run fax-warehouse sync\n" in elsewhere.stderr
