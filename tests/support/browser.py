"""Opens the notebook, served by marimo, in this machine's Chromium."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import which
from typing import Any

import pytest

from tests.conftest import ROOT

_QUIET = ("--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-quic")
_OPTIONS = ["--no-sandbox", "--disable-gpu", "--no-first-run", *_QUIET]


@contextmanager
def served(notebook: Path, env: dict[str, str]) -> Iterator[str]:
    """Serves a notebook in this environment; yields its URL."""
    port = _free_port()
    command = [sys.executable, "-m", "marimo", "run", str(notebook), "--headless", "--no-token", "--port", str(port)]
    with subprocess.Popen(command, env=env, cwd=ROOT, stdout=subprocess.DEVNULL) as server:
        try:
            _wait_for(port, server)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


@contextmanager
def page() -> Iterator[Any]:
    """An empty page in a new browser profile."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    chromium = which("chromium") or which("chromium-browser") or which("google-chrome")
    if chromium is None:
        pytest.skip("there is no Chromium on this machine")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=_OPTIONS)
        try:
            yield browser.new_page(viewport={"width": 1200, "height": 1700})
        finally:
            browser.close()


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


def _wait_for(port: int, server: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if server.poll() is not None or time.monotonic() > deadline:
                raise AssertionError("marimo did not start") from None
            time.sleep(0.1)
