"""What check.py and the sync say of Delta tables: the rows that count, and what is gone from them."""

from pathlib import Path

import pytest

from tests.conftest import ServeFake, Settings, Sync, generated
from tests.support.commands.check_command import Check
from tests.support.lake import MISSING, into_delta

pytest.importorskip("deltalake", reason=MISSING)


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    return tmp_path / "lake"


def test_faxes_count_whose_load_the_ledger_does_not_name(
    serve_fake: ServeFake, sync: Sync, check: Check, settings: Settings, lake: Path
) -> None:
    from deltalake import DeltaTable

    phaxio, signalwire = generated("phaxio", 20, days=2), generated("signalwire", 20, days=2)
    phaxio[0]["num_pages"] = "many"
    serve_fake("phaxio", phaxio)
    serve_fake("signalwire", signalwire).fake.delete(signalwire[0]["id"])
    with into_delta(settings, lake)():
        assert sync().exit_code == 0
        whole = check()
        for provider in ("phaxio", "signalwire"):
            ledger = DeltaTable(f"{lake}/fax_{provider}/sync_windows")
            ledger.update({"_dlt_load_id": "'another'"})  # what is left after seven days, or before a kill
        told = check()
        DeltaTable(f"{lake}/fax_phaxio/fax_recipients").delete("position = 0")
        found = check()

    assert told == whole
    assert (whole[0], [len(whole[1][name]["notes"]) for name in ("phaxio", "signalwire")]) == (0, [1, 1]), whole
    assert (found[0], "lack rows of fax_recipients" in str(found[1]["phaxio"]["findings"])) == (65, True), found
