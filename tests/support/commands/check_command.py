"""check.py as the tests run it."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import Served, ServeFake, Settings, Sync, generated
from tests.support import leaks

Check = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def check(settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Check:
    """Runs the command; gives its exit code and what it found."""

    def run(*arguments: str) -> tuple[int, dict[str, Any]]:
        from pipelines.check import main

        capsys.readouterr()
        with monkeypatch.context() as environment:
            for name, value in settings.items():
                environment.setenv(name, value)
            exit_code = main(["--json", *arguments])
        told = capsys.readouterr()
        assert leaks.in_text(told.out + told.err, settings) == []
        return exit_code, json.loads(told.out)

    return run


@pytest.fixture
def served(serve_fake: ServeFake, sync: Sync) -> Served:
    """A Phaxio account whose faxes have just been loaded."""
    served = serve_fake("phaxio", generated("phaxio", 30, days=2))
    assert sync().exit_code == 0
    return served
