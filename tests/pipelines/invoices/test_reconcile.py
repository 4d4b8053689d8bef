"""Invoices against the warehouse: every cent of the difference has a name, or the two do not agree.

The faxes are those of docs/reconciling.md, whose figures were computed by hand.
"""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pipelines import reconcile
from pipelines.costs.money import ZERO
from tests.conftest import ROOT, MakeWarehouse, Settings
from tests.support.commands.report_command import Reporting
from tests.support.pages import blocks
from tests.support.tiers import first_quick
from tests.support.warehouse.file_and_database import KINDS, Warehouse
from tests.support.warehouse.raw_tables import LOAD, insert, refresh

PAGE = ROOT / "docs" / "reconciling.md"
HEADER = "provider,account,period_from,period_to,currency,amount,kind"
SEEDED, AGREED = blocks("csv", PAGE)[1], blocks("text", PAGE)
PHAXIO, SIGNALWIRE = "phaxio,default,2026-10-01,2026-10-31", "signalwire,default,2026-10-01,2026-10-31"
SINCH_OCTOBER = "sinch,default,2026-10-01,2026-10-31"
PROVEN_FROM, PROVEN_TO = datetime(2026, 9, 1, tzinfo=UTC), datetime(2026, 11, 2, tzinfo=UTC)
LONG_AGO = {"from_at": datetime(2015, 1, 1, tzinfo=UTC), "to_at": datetime(2015, 2, 2, tzinfo=UTC), "proof": "walked"}
Write = Callable[[str], Path]


def phaxio(id: int, created_at: str, completed_at: str | None, pages: int, **fields: Any) -> dict[str, Any]:
    row = {"id": id, "created_at": created_at, "completed_at": completed_at, "num_pages": pages, "cost": 7 * pages}
    own = {"account": "default", "direction": "sent", "status": "success", "is_test": False, "_dlt_load_id": LOAD}
    return own | row | fields


def signalwire(id: str, created_at: str, pages: int, charge: str, discarded_at: str | None) -> dict[str, Any]:
    row = {"id": id, "created_at": created_at, "number_of_pages": pages, "charge": charge, "discarded_at": discarded_at}
    return row | {"account": "default", "direction": "outbound-api", "status": "completed", "_dlt_load_id": LOAD}


FAXES = [
    phaxio(1, "2026-10-01T04:30:00Z", "2026-10-01T05:10:00Z", 2),
    phaxio(2, "2026-10-05T15:00:00Z", "2026-10-05T15:02:00Z", 2),
    phaxio(3, "2026-10-06T15:00:00Z", "2026-10-06T15:02:00Z", 1),
    phaxio(4, "2026-10-12T15:00:00Z", "2026-10-12T15:02:00Z", 17, is_test=True),
    phaxio(5, "2026-10-20T15:00:00Z", None, 3, status="inprogress"),
    phaxio(6, "2026-10-22T15:00:00Z", "2026-10-22T15:02:00Z", 4, cost=None),
    phaxio(7, "2026-11-01T04:50:00Z", "2026-11-01T05:20:00Z", 10),
]
LOGS = [
    signalwire("00000000-0000-4000-8000-000000000001", "2026-10-01T00:00:00Z", 2, "0.0205", None),
    signalwire("00000000-0000-4000-8000-000000000002", "2026-10-31T23:59:00Z", 1, "0.04", "2026-11-02T00:00:00Z"),
]


def compat(id: str, pages: int, price: str, unit: str) -> dict[str, Any]:
    row = {"id": id, "num_pages": pages, "price": price, "price_unit": unit, "date_created": "2026-09-05T12:00:00Z"}
    return row | {"account": "default", "direction": "outbound", "status": "delivered", "_dlt_load_id": LOAD}


def sinch(id: str, pages: int, amount: str | None, currency: str | None, status: str = "COMPLETED") -> dict[str, Any]:
    row = {"id": id, "number_of_pages": pages, "price_amount": amount, "price_currency": currency, "status": status}
    created = {"create_time": "2026-10-05T12:00:00Z", "completed_time": "2026-10-05T12:01:00Z"}
    return row | created | {"account": "default", "direction": "OUTBOUND", "_dlt_load_id": LOAD}


COMPAT = [compat("1", 1, "-0.02", "USD"), compat("2", 3, "0.05", "EUR")]
SINCH = [
    sinch("1", 2, "0.14", "USD"),
    sinch("2", 3, "0.20", "EUR"),
    sinch("3", 1, "0.07", None),
    sinch("4", 5, None, None, "FAILURE"),
]


@pytest.fixture(scope="module", params=first_quick(KINDS))
def place(request: pytest.FixtureRequest, warehouses: MakeWarehouse) -> Warehouse:
    made = warehouses(request.param, ("phaxio", "signalwire", "sinch"))
    window = {"account": "default", "from_at": PROVEN_FROM, "to_at": PROVEN_TO, "run_id": "1", "_dlt_load_id": LOAD}
    with made.writable() as connection:
        insert(connection, "fax_phaxio.faxes", FAXES)
        insert(connection, "fax_signalwire.fax_logs", LOGS)
        insert(connection, "fax_phaxio.sync_windows", [window | {"proof": "counted"}, window | LONG_AGO])
        insert(connection, "fax_signalwire.compat_faxes", COMPAT)
        insert(connection, "fax_sinch.faxes", SINCH)
        for ledger in ("signalwire.sync_windows", "signalwire.compat_fax_windows", "sinch.sync_windows"):
            insert(connection, f"fax_{ledger}", [window | {"proof": "walked"}])
    return made


@pytest.fixture
def command(
    place: Warehouse,
    settings: Settings,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> Reporting:
    return Reporting(settings | place.settings(), capsys, caplog, reconcile.main)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes an invoice file."""

    def written(text: str) -> Path:
        file = tmp_path / "invoices.csv"
        file.write_text(text)
        return file

    return written


def invoice(*lines: str) -> str:
    return "\n".join((HEADER, *lines)) + "\n"


def found(command: Reporting, *arguments: Any) -> tuple[int, dict[str, Any]]:
    """The exit code, and the only invoice."""
    exit_code, out, told = command(*map(str, arguments), "--json")
    assert out, told
    [only] = json.loads(out)["invoices"]
    return exit_code, only


def shown(text: str) -> list[str]:
    """The lines of an output, without spaces at their ends."""
    return [line.rstrip() for line in text.strip().splitlines()]


def explaining(only: dict[str, Any]) -> dict[str, Decimal]:
    """The classes that explain something, with the amount."""
    amounts = {each["class"]: Decimal(each["explains_usd"]) for each in only["classes"]}
    return {name: amount for name, amount in amounts.items() if amount}


def test_the_seeded_month_is_explained_as_the_page_shows(command: Reporting, write: Write) -> None:
    exit_code, out, told = command(str(write(SEEDED)))

    assert (exit_code, told) == (0, "")
    assert shown(out) == shown(AGREED[0])


@pytest.mark.parametrize(
    ("line", "cents", "left"), [("1.82,faxes", "1.83,faxes", "$0.01"), ("0.02,faxes", "0.03,faxes", "$0.0095")]
)
def test_a_cent_more_does_not_agree(line: str, cents: str, left: str, command: Reporting, write: Write) -> None:
    exit_code, out, _ = command(str(write(SEEDED.replace(line, cents))))

    assert exit_code == 65
    assert len(re.findall("does not agree", out)) == 1
    assert re.search(rf"unexplained +{re.escape(left)}\n", out)


def test_a_cent_more_is_told_as_the_page_shows(command: Reporting, write: Write) -> None:
    _, out, _ = command(str(write(SEEDED.replace("1.82,faxes", "1.83,faxes"))))

    assert shown(out.partition("\n\n")[0]) == shown(AGREED[1])


CLASSES = [
    ("open", PHAXIO, "0.91", "-0.21"),
    ("unpriced", PHAXIO, "1.40", "0.28"),
    ("completed_elsewhen", PHAXIO, "0.56", "-0.56"),
    ("test", PHAXIO, "2.31", "1.19"),
    ("deleted", SIGNALWIRE, "0.0205", "-0.04"),
    ("rounding", SIGNALWIRE, "0.06", "-0.0005"),
    ("other_currency", SINCH_OCTOBER, "0.42", "0.28"),
    ("other_currency", SIGNALWIRE.replace("2026-10-01,2026-10-31", "2026-09-01,2026-09-30"), "0.08", "0.06"),
]


@pytest.mark.parametrize(
    ("name", "account", "amount", "explains"), first_quick(CLASSES, 3), ids=[case[0] for case in CLASSES]
)
def test_each_class_alone_is_named(
    name: str, account: str, amount: str, explains: str, command: Reporting, write: Write
) -> None:
    file = write(invoice(f"{account},USD,{amount},faxes"))
    exit_code, only = found(command, file)

    assert (exit_code, only["verdict"], Decimal(only["unexplained_usd"])) == (0, "agrees", ZERO)
    assert explaining(only) == {name: Decimal(explains)}

    for cent in (Decimal("0.01"), Decimal("-0.01")):
        exit_code, only = found(command, write(invoice(f"{account},USD,{Decimal(amount) + cent},faxes")))
        assert (exit_code, only["verdict"]) == (65, "does not agree")


@pytest.mark.parametrize("kind", ["numbers", "top-up", "tax", "other"])
def test_lines_that_are_no_faxes_are_a_class_each(kind: str, command: Reporting, write: Write) -> None:
    file = write(invoice(f"{PHAXIO},USD,1.12,faxes", f"{PHAXIO},USD,2.00,{kind}", f"{PHAXIO},USD,-0.50,{kind}"))
    exit_code, only = found(command, file)

    assert (exit_code, only["invoice_usd"], only["difference_usd"]) == (0, "2.620000", "1.500000")
    assert explaining(only) == {kind: Decimal("1.50")}
    assert only["notes"] == [f"{file} line 4: -0.50 USD counts as a credit: if it is a charge, remove the sign"]


def test_both_readings_are_shown(command: Reporting, write: Write) -> None:
    _, only = found(command, write(invoice(f"{PHAXIO},USD,1.12,faxes")))

    assert (only["warehouse_usd"], only["warehouse_by_completion_usd"]) == ("1.120000", "0.560000")


def test_a_month_is_that_of_the_provider(command: Reporting, write: Write) -> None:
    """Fax 1 was created in September in Chicago, fax 7 in October; in UTC each in the month after."""
    file = write(invoice("phaxio,default,2026-09-01,2026-09-30,USD,0.14,faxes"))
    _, september = found(command, file)

    assert (september["timezone"], september["warehouse_usd"], september["faxes"]) == ("America/Chicago", "0.140000", 1)


def test_other_currencies_are_compared_with_nothing(command: Reporting, write: Write) -> None:
    exit_code, only = found(command, write(invoice(f"{PHAXIO},USD,1.12,faxes", f"{PHAXIO},EUR,5.00,other")))

    assert (exit_code, only["verdict"], only["other_currencies"]) == (0, "agrees", {"EUR": "5.00"})

    exit_code, only = found(command, write(invoice(f"{PHAXIO},USD,1.12,faxes", f"{PHAXIO},EUR,5.00,faxes")))

    assert (exit_code, only["verdict"], only["other_currencies"]) == (65, "no verdict", {"EUR": "5.00"})


def test_no_verdict_if_a_part_of_the_period_is_not_proven(command: Reporting, write: Write) -> None:
    november = "phaxio,default,2026-11-01,2026-11-30,USD"
    exit_code, only = found(command, write(invoice(f"{november},3.00,faxes")))

    assert (exit_code, only["verdict"], Decimal(only["unexplained_usd"])) == (65, "no verdict", ZERO)
    assert only["not_proven"] == ["2026-11-02T00:00:00Z to 2026-12-01T06:00:00Z"]
    assert explaining(only)["not_proven"] > 2
    assert "run uv run python pipelines/sync.py after" in only["notes"][0]


def test_no_verdict_if_a_further_list_is_not_proven(command: Reporting, write: Write, place: Warehouse) -> None:
    file = write(invoice(f"{SIGNALWIRE},USD,0.06,faxes"))
    unproven = "update fax_signalwire.compat_fax_windows set proof = ?"
    place.write(unproven, "unproven")
    try:
        exit_code, only = found(command, file)
    finally:
        place.write(unproven, "walked")

    assert (exit_code, only["verdict"]) == (65, "no verdict")
    assert only["not_proven"] == ["2026-10-01T00:00:00Z to 2026-11-01T00:00:00Z"]
    place.write("update fax_signalwire.compat_fax_windows set account = 'another'")  # the list was never read
    try:
        assert found(command, file)[0] == 0
    finally:
        place.write("update fax_signalwire.compat_fax_windows set account = 'default'")


def test_no_verdict_on_faxes_that_are_not_kept(command: Reporting, write: Write) -> None:
    file = write(invoice("phaxio,default,2015-01-01,2015-01-31,USD,0,faxes"))
    _, kept = found(command, file)
    command.settings["PRIVACY__KEEP_DAYS"] = "0.001"
    _, deleted = found(command, file)

    assert (kept["verdict"], kept["not_proven"]) == ("agrees", [])
    assert (deleted["verdict"], deleted["not_proven"]) == (
        "no verdict",
        ["2015-01-01T06:00:00Z to 2015-02-01T06:00:00Z"],
    )


def test_a_month_without_faxes_is_told(command: Reporting, write: Write) -> None:
    exit_code, only = found(command, write(invoice("sinch,default,2026-09-01,2026-09-30,USD,0.00,faxes")))

    assert (exit_code, only["verdict"]) == (0, "agrees")
    assert "sinch has no fax created in the period" in only["notes"][0]


@pytest.mark.slow
def test_the_table_is_read_without_a_file(command: Reporting, place: Warehouse) -> None:
    exit_code, _, told = command("--json")
    assert (exit_code, "there is no table fax.invoices" in told) == (64, True)

    place.write(blocks("sql", PAGE)[-1])
    try:
        exit_code, _, told = command("--json")
        assert (exit_code, "fax.invoices has no row" in told) == (64, True)

        place.write(
            "insert into fax.invoices values ('phaxio', null, '2026-10-01', '2026-10-31', 'USD', 1.12, 'faxes')"
        )
        refresh(place.settings())  # as every run may, which leaves the table alone
        exit_code, only = found(command)
        assert (exit_code, only["verdict"], only["invoice_usd"]) == (0, "agrees", "1.120000")

        place.write("update fax.invoices set amount = null")
        exit_code, _, told = command()
        assert (exit_code, "fax.invoices row 1" in told) == (64, True)

        place.write("alter table fax.invoices drop column kind")
        exit_code, _, told = command()
        assert (exit_code, "fax.invoices lacks kind" in told) == (64, True)
    finally:
        place.write("drop table fax.invoices")


def test_the_template_is_a_file_that_can_be_read(command: Reporting, write: Write) -> None:
    exit_code, template, _ = command("--template")
    assert (exit_code, template) == (0, blocks("csv", PAGE)[0])

    exit_code, out, _ = command(str(write(template)))
    assert (exit_code, out.count("does not agree")) == (65, 1)


@pytest.mark.parametrize("spelling", ["\ufeff{}", "{}\n\n,,,,,,\n"], ids=["a byte order mark", "empty lines"])
def test_what_spreadsheets_add_changes_nothing(spelling: str, command: Reporting, write: Write) -> None:
    exit_code, only = found(command, write(spelling.format(invoice(f"{PHAXIO},usd,1.12,Faxes"))))

    assert (exit_code, only["verdict"]) == (0, "agrees")


@pytest.mark.parametrize("between", [";", "\t", ", "], ids=["semicolons", "tabs", "commas and blanks"])
def test_other_forms_and_other_columns_are_read(between: str, command: Reporting, write: Write) -> None:
    text = (
        invoice(f"{PHAXIO},USD,1.12,faxes")
        .replace(",", between)
        .replace("kind", f"Kind{between}note")
        .replace("faxes", f'faxes{between}"a, b"')
    )
    exit_code, only = found(command, write(text))

    assert (exit_code, only["verdict"]) == (0, "agrees")


def test_a_bad_line_ends_the_command_with_its_place(command: Reporting, write: Write) -> None:
    file = write(invoice(*[f"{PHAXIO},USD,,faxes"] * 5))
    exit_code, out, told = command(str(file))

    assert (exit_code, out) == (64, "")
    assert f"{file} line 2: amount '' is not an amount: write 1234.56" in told
    assert "; and 2 more" in told
    assert "Traceback" not in told


def test_a_file_that_is_not_there_and_a_month_that_is_not_in_it(command: Reporting, write: Write) -> None:
    exit_code, _, told = command("/nowhere/invoices.csv")
    assert (exit_code, "/nowhere/invoices.csv cannot be read: No such file" in told) == (64, True)

    exit_code, _, told = command(str(write(SEEDED)), "--month", "2026-11")
    assert exit_code == 64
    assert "no invoice line has a period that begins in 2026-11: there are lines of 2026-10" in told
