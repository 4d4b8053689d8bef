"""Runs check.py in this process."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Served, ServeFake, Settings, generated
from tests.support import leaks
from tests.support.commands.made_files import sync_once
from tests.support.environment import applied

Check = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def check(settings: Settings, capsys: pytest.CaptureFixture[str]) -> Check:
    """Runs the command; returns its exit code and its findings."""

    def run(*arguments: str) -> tuple[int, dict[str, Any]]:
        from pipelines.check import main

        capsys.readouterr()
        with applied(settings):
            exit_code = main(["--json", *arguments])
        told = capsys.readouterr()
        assert leaks.in_text(told.out + told.err, settings) == []
        return exit_code, json.loads(told.out)

    return run


@pytest.fixture(scope="session")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]]]:
    """A warehouse with the faxes of a Phaxio account, and these faxes."""
    file, faxes = tmp_path_factory.mktemp("loaded") / "warehouse.duckdb", generated("phaxio", 30, days=2)
    sync_once(file, {"phaxio": faxes})
    return file, faxes


@pytest.fixture
def served(loaded: tuple[Path, list[dict[str, Any]]], warehouse: Path, serve_fake: ServeFake) -> Served:
    """A Phaxio account whose faxes are in the warehouse."""
    file, faxes = loaded
    shutil.copy(file, warehouse)
    shutil.copy(f"{file}.lock", f"{warehouse}.lock")
    return serve_fake("phaxio", faxes)
