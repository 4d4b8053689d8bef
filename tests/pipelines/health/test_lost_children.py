"""A fax whose recipients, tags or charges are gone: check.py tells, and reading it again brings them back."""

from collections.abc import Callable
from pathlib import Path

import pytest

import sources
from tests.conftest import ServeFake, Sync, generated
from tests.support.commands.check_command import Check
from tests.support.tiers import first_quick
from tests.support.warehouse.file_and_database import File, Warehouse
from tests.support.warehouse.oracle import assert_holds

LOST = {
    "all recipients of a fax": ("phaxio", "fax_recipients", "fax_id = (select min(id) from {faxes} where {sent})"),
    "the first recipient of each fax": (
        "phaxio",
        "fax_recipients",
        "position = 0 and fax_id in (select fax_id from {child} where position = 1)",
    ),
    "all tags": ("phaxio", "fax_tags", "1 = 1"),
    "the first line of each charge": (
        "signalwire",
        "fax_log_charge_details",
        "position = 0 and fax_log_id in (select fax_log_id from {child} where position = 1)",
    ),
}
REMEDIES: dict[str, Callable[[str], list[str]]] = {
    "as check.py says": lambda finding: finding.partition("/sync.py ")[2].split(),
    "--full-refresh": lambda finding: ["--full-refresh"],
}


@pytest.mark.slow
@pytest.mark.parametrize("remedy", REMEDIES)
@pytest.mark.parametrize("name", LOST)
def test_rows_that_are_gone_are_told_and_brought_back(
    name: str, remedy: str, place: Warehouse, serve_fake: ServeFake, sync: Sync, check: Check
) -> None:
    provider, child, condition = LOST[name]
    raw, table = f"fax_{provider}", sources.provider(provider).TABLE.name
    served = serve_fake(provider, generated(provider, 60, days=20))
    assert sync().exit_code == 0
    whole, _ = check()
    places = {
        "faxes": f"{raw}.{table}",
        "child": f"{raw}.{child}",
        "sent": "direction = 'sent' and status = 'success'",
    }
    place.write(f"delete from {raw}.{child} where {condition.format(**places)}")

    assert sync("--since", "2000-01-01").accounts[provider]["changed"] == 0  # no fingerprint tells

    code, told = check()
    findings = [finding for finding in told[provider]["findings"] if child in finding]

    assert (whole, code, len(findings)) == (0, 65, 1), told
    assert sync(*REMEDIES[remedy](findings[0])).exit_code == 0
    assert_holds(place, provider, served.fake.truth())
    assert check()[0] == 0


@pytest.mark.slow
@pytest.mark.parametrize("provider", first_quick(sources.providers()))
def test_reading_again_what_is_whole_writes_no_fax(
    provider: str, place: Warehouse, serve_fake: ServeFake, sync: Sync
) -> None:
    serve_fake(provider, generated(provider, 60, days=20))
    sync()

    assert sync("--since", "2000-01-01", "--refetch").accounts[provider]["changed"] == 0


@pytest.mark.parametrize("recipients", first_quick(["+15551230000", [], None]), ids=str)
def test_recipients_that_the_provider_lists_wrongly_are_noted_and_not_missing(
    recipients: object, serve_fake: ServeFake, sync: Sync, check: Check, warehouse: Path
) -> None:
    faxes = generated("phaxio", 30, days=2)
    sent = [fax for fax in faxes if (fax["direction"], fax["status"]) == ("sent", "success")]
    sent[0]["recipients"] = recipients
    serve_fake("phaxio", faxes)
    assert sync().exit_code == 0
    code, told = check()
    File(warehouse).write(f"delete from fax_phaxio.fax_recipients where fax_id = {sent[1]['id']}")
    found = check()[1]["phaxio"]["findings"]

    assert (code, told["phaxio"]["findings"]) == (0, [])
    assert any("1 values of faxes.recipients did not fit" in note for note in told["phaxio"]["notes"]), told
    assert [finding.startswith("1 faxes created from") for finding in found] == [True], found
