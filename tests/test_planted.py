"""What somebody has put in a run's way: directories of its name, pickles that run code, secrets in the repository."""

import os
import pickle
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT, ServeFake, Settings, Sync, SyncProcess, generated

PIPELINE = "fax_phaxio_default"  # as dlt calls its directory
SECRET = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY|\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_\w{36}|\bxox[abprs]-\w+"
    r"|\b(?:api_key|api_secret|api_token|password) *= *[\"'][0-9a-f]{32,}"
)


class Malicious:
    """Leaves its mark where it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return Path.touch, (self.mark,)


def plant(directory: Path, mark: Path) -> None:
    """A pipeline's directory as dlt would keep it, that runs code of somebody else's."""
    directory.mkdir(parents=True)
    (directory / "trace.pickle").write_bytes(pickle.dumps(Malicious(mark)))
    (directory / "state.json").write_text('{"_state_version": 999999, "dataset_name": "theirs"}')


def test_the_pickle_that_is_planted_would_leave_its_mark(tmp_path: Path) -> None:
    plant(tmp_path / PIPELINE, tmp_path / "mark")
    pickle.loads((tmp_path / PIPELINE / "trace.pickle").read_bytes())

    assert (tmp_path / "mark").exists()


@pytest.mark.slow
def test_nothing_that_lies_where_dlt_or_a_run_has_its_directory_is_believed(
    serve_fake: ServeFake, sync_process: SyncProcess, tmp_path: Path, warehouse: Path
) -> None:
    served, shared, home, precious = (
        serve_fake("phaxio", generated("phaxio", 5, days=2)),
        *(tmp_path / name for name in ("shared", "home", "precious")),
    )
    for number in (os.getpid(), 999_999_999):
        plant(shared / f"fax-sync-{number}-theirs" / PIPELINE, tmp_path / "mark")
    plant(shared / PIPELINE, tmp_path / "mark")
    plant(home / ".dlt" / "pipelines" / PIPELINE, tmp_path / "mark")
    plant(precious / PIPELINE, tmp_path / "mark")
    (shared / "fax-sync-999999998-link").symlink_to(precious)
    shared.chmod(0o1777)
    ended = sync_process(TMPDIR=str(shared), HOME=str(home))

    assert (ended.returncode, "5 new" in ended.stdout, len(served.server.requests) > 0) == (0, True, True), ended.stderr
    assert not (tmp_path / "mark").exists()
    assert (precious / PIPELINE / "trace.pickle").exists()


def test_where_anybody_may_swap_the_working_directory_nothing_is_begun(
    serve_fake: ServeFake, sync: Sync, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served, shared = serve_fake("phaxio"), tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    monkeypatch.setattr(tempfile, "tempdir", str(shared))
    synced = sync()

    assert (synced.exit_code, "chmod +t" in synced.told, served.server.requests) == (78, True, [])


def tracked(*arguments: str) -> list[str]:
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("this is no clone")
    command = ["git", "-C", str(ROOT), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.split("\0")


def test_git_never_takes_the_secrets() -> None:
    assert tracked("check-ignore", ".dlt/secrets.toml") == [".dlt/secrets.toml\n"]
    assert [name for name in tracked("ls-files", "-z") if name.endswith(("secrets.toml", ".pem", ".env"))] == [
        ".dlt/example.secrets.toml"
    ]


def test_no_file_of_the_repository_holds_a_secret() -> None:
    names = [name for name in tracked("ls-files", "-z") if name and (ROOT / name).is_file()]
    holding = [name for name in names if SECRET.search((ROOT / name).read_text("utf-8", "ignore"))]

    assert (holding, len(names) > 100) == ([], True)
    assert SECRET.search(f'api_key = "{"0123456789abcdef" * 2}"')


def test_the_example_as_it_is_runs_nothing(sync_process: SyncProcess, settings: Settings) -> None:
    secrets = Path(settings["DLT_PROJECT_DIR"]) / ".dlt" / "secrets.toml"
    secrets.touch(0o600)
    secrets.write_bytes((ROOT / ".dlt" / "example.secrets.toml").read_bytes())
    ended = sync_process()

    assert (ended.returncode, "fill in your keys" in ended.stderr) == (78, True)
    assert "init.py" not in ended.stderr  # it does not overwrite the file
