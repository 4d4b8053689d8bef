"""init.py takes keys, tries them, and writes secrets.toml once."""

import os
import pty
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

import sources
from tests.conftest import ROOT, ServeFake, Settings
from tests.support.environment import child_environment
from tests.support.tiers import first_quick

COMMAND = [sys.executable, str(ROOT / "pipelines" / "init.py")]


@pytest.fixture
def environment(settings: Settings, tmp_path: Path) -> dict[str, str]:
    """The environment of a project without any settings; its directory is empty."""
    project = tmp_path / "new"
    project.mkdir()
    return child_environment(project=project)


def keys_of(settings: Settings, *names: str, **others: str) -> str:
    """A secrets.toml with these of Phaxio's settings."""
    values = {name: settings[f"SOURCES__PHAXIO__{name}".upper()] for name in names} | others
    return "[sources.phaxio]\n" + "".join(f'{name} = "{value}"\n' for name, value in values.items())


def run(environment: dict[str, str], given: str, *options: str) -> "subprocess.CompletedProcess[str]":
    """The command with this on its standard input."""
    return subprocess.run(
        [*COMMAND, *options], env=environment, input=given, capture_output=True, text=True, check=False
    )


def test_keys_that_work_are_written_and_nothing_else(
    serve_fake: ServeFake, settings: Settings, environment: dict[str, str]
) -> None:
    served = serve_fake("phaxio")
    given = keys_of(settings, "api_key", "api_secret", "base_url")
    ended = run(environment, given)
    directory = Path(environment["DLT_PROJECT_DIR"])
    written = directory / ".dlt" / "secrets.toml"

    assert ended.returncode == 0, ended.stderr
    assert (tomllib.loads(written.read_text()), len(served.server.requests)) == (tomllib.loads(given), 1)
    assert (written.stat().st_mode & 0o777, [path.name for path in directory.iterdir()]) == (0o600, [".dlt"])

    again = run(environment, keys_of(settings, "api_key", "api_secret", "base_url"))

    assert (again.returncode, "is not overwritten" in again.stderr) == (78, True)
    assert tomllib.loads(written.read_text()) == tomllib.loads(given)


@pytest.mark.slow
def test_a_list_among_the_settings_is_taken(
    serve_fake: ServeFake, settings: Settings, environment: dict[str, str]
) -> None:
    serve_fake("phaxio")
    ended = run(
        environment, keys_of(settings, "api_key", "api_secret", "base_url") + '[privacy]\ntags = ["a b", "c"]\n'
    )

    assert ended.returncode == 0, ended.stderr


@pytest.mark.slow
@pytest.mark.parametrize(("place", "code"), [("lake", 0), ("a file/lake", 78)])
def test_delta_tables_are_tried_and_leave_nothing_behind(
    place: str, code: int, serve_fake: ServeFake, settings: Settings, environment: dict[str, str], tmp_path: Path
) -> None:
    serve_fake("phaxio")
    (tmp_path / "a file").touch()
    warehouse = {"destination_type": "filesystem", "table_format": "delta", "bucket_url": str(tmp_path / place)}
    lines = "".join(f'{name} = "{value}"\n' for name, value in warehouse.items())
    given = f"{keys_of(settings, 'api_key', 'api_secret', 'base_url')}[destination.warehouse]\n{lines}"
    before = {*tmp_path.iterdir()}
    ended = run(environment, given)

    assert (ended.returncode, "warehouse opened: Delta tables" in ended.stdout) == (code, code == 0), ended.stderr
    assert {*tmp_path.iterdir()} == before


@pytest.mark.slow
@pytest.mark.parametrize("untried", first_quick([False, True]))
def test_keys_that_are_refused_are_written_only_untried(
    untried: bool, serve_fake: ServeFake, settings: Settings, environment: dict[str, str]
) -> None:
    serve_fake("phaxio")
    given = keys_of(settings, "api_secret", "base_url", api_key="another")
    ended = run(environment, given, *(["--untried"] if untried else []))

    assert ended.returncode == (0 if untried else 77)
    assert (Path(environment["DLT_PROJECT_DIR"]) / ".dlt" / "secrets.toml").exists() == untried


@pytest.mark.parametrize(
    ("given", "words"),
    first_quick(
        [
            ("", "no key was given"),
            ("api_key", "not valid TOML"),
            ('[sources.phaxio]\napi_kee = "x"', "did you mean sources.phaxio.api_key?"),
        ]
    ),
    ids=["nothing", "no TOML", "a misspelt key"],
)
def test_what_is_no_setting_is_refused(given: str, words: str, environment: dict[str, str]) -> None:
    ended = run(environment, given)

    assert (ended.returncode, words in ended.stderr) == (78, True)


CTRL_C, CTRL_D = "\x03", "\x04"


def at_a_terminal(environment: dict[str, str], answers: list[str]) -> tuple[int, str]:
    """The exit code of the command at a terminal where a user answers like this, and all that it shows."""
    child, terminal = pty.fork()
    if child == 0:
        os.execve(sys.executable, COMMAND, environment)
    shown = b""
    for answer in answers:
        while not shown.endswith(b": "):
            shown += os.read(terminal, 1024)
        os.write(terminal, (answer if answer in (CTRL_C, CTRL_D) else f"{answer}\n").encode())
        shown += b"\n"
    try:
        while more := os.read(terminal, 1024):
            shown += more
    except OSError:
        pass  # the terminal's other end is closed
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), shown.decode()


@pytest.fixture
def served(serve_fake: ServeFake, settings: Settings, environment: dict[str, str]) -> Any:
    """A fake of Phaxio, whose address the environment has."""
    fake = serve_fake("phaxio")
    environment |= {"SOURCES__PHAXIO__BASE_URL": settings["SOURCES__PHAXIO__BASE_URL"]}
    return fake


@pytest.fixture
def keys(served: Any, settings: Settings) -> list[str]:
    """What a user with an account at this Phaxio answers first."""
    return [settings["SOURCES__PHAXIO__API_KEY"], settings["SOURCES__PHAXIO__API_SECRET"]]


NO_OTHERS = [""] * len(sources.providers())  # no other provider, and the default warehouse


@pytest.mark.slow
@pytest.mark.parametrize(
    ("before", "requests"),
    [
        ([], 1),
        (["a key", "wrong"], 2),
    ],
    ids=["at once", "refused before"],
)
def test_on_a_terminal_it_asks_until_a_key_works_and_shows_none(
    before: list[str], requests: int, keys: list[str], served: Any, environment: dict[str, str]
) -> None:
    code, shown = at_a_terminal(environment, [*before, *keys, *NO_OTHERS])
    written = Path(environment["DLT_PROJECT_DIR"]) / ".dlt" / "secrets.toml"

    assert code == 0, shown
    assert tomllib.loads(written.read_text()) == {"sources": {"phaxio": {"api_key": keys[0], "api_secret": keys[1]}}}
    assert (keys[1] in shown, len(served.server.requests)) == (False, requests)


@pytest.mark.slow
def test_on_a_terminal_a_warehouse_that_is_refused_is_asked_for_again(
    keys: list[str], environment: dict[str, str]
) -> None:
    refused = ["postgresql://user:password@127.0.0.1:1/nowhere", "mysql://nowhere"]
    code, shown = at_a_terminal(environment, [*keys, *NO_OTHERS[:-1], *refused, ""])

    assert (code, shown.count("warehouse: paste the URL again")) == (0, 2), shown
    assert "phaxio: [destination" not in shown


@pytest.mark.parametrize(
    ("answers", "code", "words"),
    first_quick(
        [
            ([CTRL_C], 130, "\r\nstopped by SIGINT: secrets.toml was not written"),
            (["a key", CTRL_C], 130, "\r\nstopped by SIGINT: secrets.toml was not written"),
            ([CTRL_D], 78, "\r\nthe input ended: secrets.toml was not written"),
            ([*NO_OTHERS[:-1], CTRL_D], 78, "\r\nthe input ended: secrets.toml was not written"),
            (["a key", *NO_OTHERS[:-1], ""], 78, "no key was given"),
        ],
        quick=2,
    ),
    ids=["Ctrl-C", "Ctrl-C at the second", "Ctrl-D", "Ctrl-D at the last", "a key without its secret"],
)
def test_a_user_may_leave_at_each_question(
    answers: list[str], code: int, words: str, served: Any, environment: dict[str, str]
) -> None:
    ended, shown = at_a_terminal(environment, answers)

    assert (ended, words in shown) == (code, True), shown
    assert not (Path(environment["DLT_PROJECT_DIR"]) / ".dlt").exists()


def test_a_file_that_cannot_be_created_is_refused_before_a_question(environment: dict[str, str]) -> None:
    secrets = Path(environment["DLT_PROJECT_DIR"]) / ".dlt" / "secrets.toml"
    secrets.parent.mkdir()
    secrets.symlink_to("/nowhere/secrets.toml")
    code, shown = at_a_terminal(environment, [])

    assert (code, "is not overwritten" in shown) == (78, True), shown


def test_a_full_disk_leaves_no_half_of_a_file(environment: dict[str, str]) -> None:
    given = f'[sources.phaxio]\napi_key = "{"k" * 9000}"\napi_secret = "s"\n'
    limited = ["bash", "-c", 'ulimit -f 4; trap "" XFSZ; exec "$@"', "-", *COMMAND, "--untried"]
    ended = subprocess.run(limited, env=environment, input=given, capture_output=True, text=True, check=False)
    directory = Path(environment["DLT_PROJECT_DIR"]) / ".dlt"

    assert (ended.returncode, "secrets.toml" in ended.stderr, [*directory.iterdir()]) == (74, True, []), ended.stderr
