"""A new provider is one new folder and no other change."""

import json
import shutil
from decimal import Decimal
from pathlib import Path

import pytest

from tests.conftest import ROOT, SyncProcess
from tests.support.warehouse.rows import rows


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project with the folder of a third provider in it."""
    copy = tmp_path / "copy"
    for folder in ("sources", "pipelines", ".dlt"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__", "secrets.toml"))
    shutil.copytree(ROOT / "tests" / "third_provider", copy / "sources" / "telefact")
    return copy


FILTERS = ("ignored", "ignored unless a bare date", "since ignored", "until ignored")


@pytest.mark.parametrize("reading", ["heeded", *(pytest.param(name, marks=pytest.mark.slow) for name in FILTERS)])
def test_a_folder_is_all_that_a_new_provider_takes(
    reading: str, project: Path, settings: dict[str, str], sync_process: SyncProcess
) -> None:
    settings.clear()
    done = sync_process("--demo", "--json", root=project, cwd=project, TELEFACT_FILTER=reading)

    assert (done.returncode, done.stderr) == (0, "")
    accounts = {account["provider"]: account for account in json.loads(done.stdout)["accounts"]}
    assert {"phaxio", "signalwire", "telefact"} == accounts.keys()
    assert (accounts["telefact"]["new"], "proven complete" in accounts["telefact"]["completeness"]) == (23, True)
    held = project / "demo.duckdb"
    faxes = "select count(*), sum(cost_usd), min(from_number) from fax.faxes where provider = 'telefact'"
    assert [(23, Decimal("0.2323"), "+12025550100")] == rows(held, faxes)
    raw = "select count(made_at), min(price_amount), min(price_currency) from fax_telefact.transmissions"
    assert [(23, Decimal("0.0101"), "USD")] == rows(held, raw)
    recipients = "select phone_number, count(*) from fax.fax_recipients where provider = 'telefact' group by all"
    assert sorted(rows(held, recipients)) == [("+12025550100", 11), ("+12025550101", 12)]
    costs = "select sum(faxes), sum(cost_usd) from fax.monthly_costs where provider = 'telefact'"
    assert [(23, Decimal("0.2323"))] == rows(held, costs)
    windows = "select count(*) from fax.sync_windows where provider = 'telefact'"
    assert rows(held, windows)[0][0] > 0
