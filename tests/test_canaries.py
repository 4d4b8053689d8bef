"""Credentials and phone numbers planted in everything are found in the tables of faxes, and nowhere else."""

import re
from pathlib import Path

import pytest

import sources
from tests.conftest import ROOT, ServeFake, Settings, SyncProcess, generated
from tests.support import leaks
from tests.support.credentials import CREDENTIALS
from tests.support.warehouse.rows import raw_tables, rows

CANARY = "canary-0f1e2d3c"


@pytest.mark.slow
def test_no_credential_reaches_the_disk_or_the_output(
    serve_fake: ServeFake, sync_process: SyncProcess, settings: Settings, warehouse: Path, tmp_path: Path
) -> None:
    for provider in sources.providers():
        keys = {name: f"{CANARY}-{name}" for name in CREDENTIALS[provider]}
        serve_fake(provider, generated(provider, 20, days=2), **keys)
    ended = sync_process("--verbose", TMPDIR=str(tmp_path))
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())

    assert ended.returncode == 0, ended.stderr
    assert CANARY not in ended.stdout + ended.stderr
    assert CANARY.encode() not in written
    for provider in sources.providers():
        assert f"fax_{provider}".encode() in written  # what is written in the clear would be found


@pytest.mark.slow
def test_numbers_are_in_the_tables_of_faxes_alone(
    serve_fake: ServeFake, sync_process: SyncProcess, warehouse: Path
) -> None:
    for provider in sources.providers():
        serve_fake(provider, generated(provider, 20, days=2))
    ended = sync_process("--verbose", "--log-format", "json")

    assert leaks.NUMBER.findall(ended.stdout + ended.stderr) == []
    for provider in sources.providers():
        table = sources.provider(provider).TABLE
        of_faxes = {table.name, *(child.name for child in table.children)}
        held = {
            name: rows(warehouse, f"select * from fax_{provider}.{name}")
            for name in raw_tables(warehouse, f"fax_{provider}")
        }
        telling = {name for name, told in held.items() if re.search(r"\+1\d{10}", repr(told))}

        assert {table.name} <= telling <= of_faxes


def test_no_certificate_goes_unverified() -> None:
    code = "".join(path.read_text() for folder in ("sources", "pipelines") for path in (ROOT / folder).rglob("*.py"))

    assert re.findall(r"verify\s*=\s*False|CERT_NONE|_create_unverified", code) == []
