"""Runs a command that reads the warehouse, in this process, with the settings of a test."""

import json
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import pytest

import pipelines.report
from tests.conftest import Settings
from tests.support.environment import applied


class Reporting:
    """Runs the command with these settings; returns its exit code and output."""

    def __init__(
        self,
        settings: Settings,
        capsys: pytest.CaptureFixture[str],
        caplog: Any,
        main: Callable[[Sequence[str]], int] = pipelines.report.main,
    ) -> None:
        self.settings, self.capsys, self.caplog = settings, capsys, caplog
        self.main = main

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        """Exit code, stdout, and stderr with the log."""
        self.capsys.readouterr()
        self.caplog.clear()
        with applied(self.settings):
            try:
                exit_code = self.main(arguments)
            except SystemExit as end:
                exit_code = int(str(end.code))
        out, err = self.capsys.readouterr()
        return exit_code, out, err + self.caplog.text

    def figures(self, *arguments: str) -> dict[str, Any]:
        """The JSON output; amounts stay text."""
        exit_code, out, told = self(*arguments, "--json")
        assert exit_code == 0, told
        figures: dict[str, Any] = json.loads(out)
        return figures


def total(rows: list[dict[str, Any]], name: str = "cost_usd") -> Decimal:
    """The sum of a column of JSON rows, exact."""
    assert all(isinstance(row[name], str) for row in rows)
    return sum((Decimal(row[name]) for row in rows), Decimal(0))


@pytest.fixture
def report(
    settings: Settings,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> Reporting:
    """report.py with the settings of the test."""
    return Reporting(settings, capsys, caplog)
