"""The search for leaks finds each that is planted, and takes nothing else for one."""

import gzip
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dlt.common.versioned_state import compress_state

from tests.conftest import Settings
from tests.support import leaks
from tests.support.credentials import CREDENTIALS, PASSWORD
from tests.support.leaks import FindLeaks

KEY, SECRET = CREDENTIALS["phaxio"].values()
NUMBER = "+12065550100"
FORMS = {
    "as it is": f"x{SECRET}x",
    "in a URL": f"https://{quote(KEY)}@host",
    "in a form": quote(SECRET, ""),
    "in a header": f"Basic {b64encode(f'{KEY}:{SECRET}'.encode()).decode()}",
    "of PostgreSQL": f"postgresql://fax:{quote(PASSWORD, '')}@host",
}
Plant = Callable[[Path, str], object]
FILES: dict[str, Plant] = {
    "text": lambda path, text: path.write_text(text),
    "gzip": lambda path, text: path.write_bytes(gzip.compress(text.encode())),
    "Parquet": lambda path, text: pq.write_table(pa.table({"column": [text] * 9}), path),
}


@pytest.fixture(autouse=True)
def credentials(settings: Settings) -> None:
    """What is searched for."""
    settings |= {f"SOURCES__PHAXIO__{name}".upper(): value for name, value in CREDENTIALS["phaxio"].items()}


def test_where_nothing_is_planted_nothing_is_found(find_leaks: FindLeaks) -> None:
    assert find_leaks() == []


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("file", FILES)
def test_a_credential_in_a_file_is_found_that_of_a_killed_run_too(
    file: str, form: str, find_leaks: FindLeaks, tmp_path: Path, settings: Settings
) -> None:
    settings["DESTINATION__WAREHOUSE__CREDENTIALS"] = f"postgresql://fax:{quote(PASSWORD, '')}@host/faxes"
    package = tmp_path / "left" / "fax-sync-1-killed" / "load"
    package.mkdir(parents=True)
    FILES[file](package / "planted", FORMS[form])

    assert [leak for leak in find_leaks() if "planted" in leak] != []


def test_a_number_is_found_but_in_load_packages(find_leaks: FindLeaks, tmp_path: Path) -> None:
    package = tmp_path / "left" / "fax-sync-1-killed"
    package.mkdir()
    (package / "rows").write_text(NUMBER)
    (tmp_path / "log").write_text(f"from {NUMBER}")

    assert find_leaks() == [f"{tmp_path / 'log'}: {NUMBER}"]


TABLES = {
    "a credential among faxes": ("faxes", SECRET, True),
    "a number among faxes": ("faxes", NUMBER, False),
    "a number among problems": ("sync_problems", NUMBER, False),
    "a number among windows": ("sync_windows", NUMBER, True),
    "a number among runs": ("sync_runs", NUMBER, True),
    "digits within a word of base64": ("sync_runs", "bGk+7781782eR", False),
    "a number as a field's shape": ("schema_changes", NUMBER, True),
    "the shape of a number": ("schema_changes", "+99999999999", False),
    "a number in the schema": ("_dlt_version", NUMBER, True),
    "a number in the state": ("_dlt_pipeline_state", compress_state({"last": NUMBER}), True),  # type: ignore[typeddict-unknown-key]  # only dlt's own are declared
}


@pytest.mark.parametrize("name", TABLES)
def test_what_is_in_a_table_that_it_does_not_belong_to_is_found(
    name: str, find_leaks: FindLeaks, warehouse: Path
) -> None:
    table, planted, is_leak = TABLES[name]
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("create schema fax_phaxio")
        connection.execute(f"create table fax_phaxio.{table} as select ? as text", [planted])

    assert (find_leaks() != []) == is_leak


PASSES_ON = """
import subprocess, sys
with subprocess.Popen([sys.executable, "-c", "input()", sys.stdin.readline().strip()], stdin=sys.stdin):
    print(flush=True)
"""


def test_a_credential_that_ps_would_show_of_a_child_is_found(settings: Settings) -> None:
    command, pipe = [sys.executable, "-c", PASSES_ON], subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        assert leaks.in_arguments(parent.pid, settings) == []
        parent.stdin.write(f"{SECRET}\n")
        parent.stdin.flush()
        parent.stdout.readline()
        found = leaks.in_arguments(parent.pid, settings)
        parent.stdin.close()

    assert found == [SECRET]
