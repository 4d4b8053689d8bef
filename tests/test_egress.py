"""Nobody is connected to but the providers and the warehouse: everything runs where there is no network at all."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.support.environment import child_environment
from tests.support.warehouse.rows import rows


@pytest.fixture
def isolated() -> list[str]:
    """What to put before a command to run it with the loopback interface alone."""
    before = ["unshare", "-rn", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
    if not shutil.which("unshare") or not shutil.which("ip"):
        pytest.skip("no unshare or ip on this machine")
    if subprocess.run([*before, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine gives us no network namespace")
    return before


@pytest.mark.slow
def test_a_sync_needs_no_network_but_that_of_its_provider(isolated: list[str], tmp_path: Path) -> None:
    project = tmp_path / "project"
    for folder in ("sources", "pipelines", ".dlt"):
        shutil.copytree(ROOT / folder, project / folder, ignore=shutil.ignore_patterns("__pycache__", "secrets.toml"))
    command = [*isolated, sys.executable, str(project / "pipelines" / "sync.py"), "--demo"]
    ended = subprocess.run(
        command,
        env=child_environment(project=project, PATH=os.environ["PATH"]),
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 0, ended.stderr
    assert rows(project / "demo.duckdb", "select count(*) > 100 from fax.faxes") == [(True,)]
