"""Programs that are no dependency of the project, each installed into an environment of its own."""

import os
import pwd
import subprocess
import sys
from pathlib import Path

import pytest


def installed(place: Path, *needed: str) -> Path:
    """The directory with the programs of these packages, installed by uv. Skips the test if uv cannot install them."""
    cache = Path(pwd.getpwuid(os.getuid()).pw_dir) / ".cache" / "uv"
    environment = os.environ | {"UV_CACHE_DIR": str(cache), "UV_SYSTEM_CERTS": "true"}
    commands = (
        ["uv", "venv", "--python", sys.executable, str(place)],
        ["uv", "pip", "install", "--python", str(place / "bin" / "python"), *needed],
    )
    try:
        for command in commands:
            subprocess.run(command, env=environment, check=True, capture_output=True, timeout=200)
    except (OSError, subprocess.SubprocessError) as error:
        pytest.skip(f"uv cannot install {needed[0]} here: {type(error).__name__}")
    return place / "bin"
