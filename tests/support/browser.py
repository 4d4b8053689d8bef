"""Opens the notebook, served by marimo, in this machine's Chromium."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import which
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.support.servers.ports import free_port, wait_for_port

MAX_SECONDS = 60  # that marimo may take to listen
_QUIET = ("--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-quic")
_OPTIONS = ["--no-sandbox", "--disable-gpu", "--no-first-run", *_QUIET]


@contextmanager
def served(notebook: Path, env: dict[str, str]) -> Iterator[str]:
    """Serves a notebook in this environment; yields its URL."""
    port = free_port()
    command = [sys.executable, "-m", "marimo", "run", str(notebook), "--headless", "--no-token", "--port", str(port)]
    with subprocess.Popen(command, env=env, cwd=ROOT, stdout=subprocess.DEVNULL) as server:
        try:
            wait_for_port(port, server, MAX_SECONDS)
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
