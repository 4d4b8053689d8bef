"""A command that respects the modes of files, whoever runs the tests."""

import os
import shutil
import subprocess

import pytest


def without_privileges() -> list[str]:
    """What to put before a command so that a file's mode holds for it, also if root runs the tests."""
    if os.geteuid():
        return []
    before = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
    if (
        shutil.which("setpriv") is None
        or subprocess.run([*before, "true"], capture_output=True, check=False).returncode
    ):
        pytest.skip("root cannot give up its privileges on this machine")
    return before
