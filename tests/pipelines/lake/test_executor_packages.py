"""An executor has the code that a run sends, and the packages that docs/scale.md names, with those that they need."""

import re
import subprocess
import sys
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import sources
from tests.conftest import ROOT
from tests.support.environment import child_environment
from tests.support.spark import needs_spark

PROGRAM = """
import sys
import sources
from pipelines.lake.account_task import run_tasks
from sources.extract.source import Source
for name in sys.argv[1:]:
    Source(name).tables, Source(name).api, sources.provider(name).Settings
print([name for name in ("dlt", "duckdb") if name in sys.modules])
"""


def named() -> list[str]:
    """The packages that docs/scale.md names for executors."""
    found = re.search(r"they need its dependencies: (.*?)\.\n", (ROOT / "docs/scale.md").read_text("utf-8"), re.DOTALL)
    assert found
    return re.findall("`([^`]+)`", found[1])


def with_needs(names: list[str]) -> dict[str, Distribution]:
    """The installed packages with these names, and those that they need."""
    held: dict[str, Distribution] = {}
    waiting = [*names]
    while waiting:
        name = waiting.pop()
        if name not in held:
            held[name] = distribution(name)
            required = map(Requirement, held[name].requires or ())
            waiting += [one.name for one in required if one.marker is None or one.marker.evaluate({"extra": ""})]
    return held


@needs_spark
def test_a_task_can_be_imported_with_the_packages_that_an_executor_needs(tmp_path: Path) -> None:
    pytest.importorskip("deltalake")
    from pipelines.lake.syncing.spark_session import _archive

    site = tmp_path / "site"
    site.mkdir()
    for package in with_needs(named()).values():
        for top in {file.parts[0] for file in package.files or () if file.parts[0] not in ("..", "__pycache__")}:
            (site / top).symlink_to(Path(str(package.locate_file(top))))
    done = subprocess.run(
        [sys.executable, "-S", "-c", PROGRAM, *sources.providers()],
        env=child_environment({}, PYTHONPATH=f"{_archive(tmp_path)}:{site}"),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr
