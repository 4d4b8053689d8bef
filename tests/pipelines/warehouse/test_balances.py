"""A run that writes reads the account's balance once, and `fax.balances` holds its changes against the faxes' costs."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from pathlib import Path

import msgspec
import pytest

import sources
from sources.extract.page import Balance
from sources.extract.source import Source
from sources.fakes.server import Answer, json_answer
from tests.conftest import MakeWarehouse, Query, Served, ServeFake, Sync, generated
from tests.support.commands.report_command import Reporting
from tests.support.warehouse.file_and_database import File
from tests.support.warehouse.raw_tables import LOAD, insert
from tests.support.warehouse.rows import rows

READ = "select balance_usd, balance_read_at is null from fax.sync_runs order by started_at"
DRIFTS = "select change_usd, cost_usd, drift_usd from fax.balances order by read_at"
# By hand: account, minutes after noon, and dollars. A reading comes after a fax of the same time.
READINGS = (("default", 0, "10.00"), ("default", 60, "9.86"), ("default", 120, "32.72"), ("east", 60, "-0.07"))
FAXES = (  # account, minutes after noon, cents, is_test
    ("default", -5, 700, False),
    ("default", 10, 7, False),
    ("default", 60, 7, False),
    ("default", 61, 14, False),
    ("default", 70, 900, True),
    ("default", 121, 700, False),
    ("east", 61, 7, False),
)
NOON = datetime(2026, 3, 31, 12, tzinfo=UTC)
BY_HAND = [
    ("default", 0, "10.00", None, None, None),
    ("default", 60, "9.86", "-0.14", "0.14", "0.00"),
    ("default", 120, "32.72", "22.86", "0.14", "23.00"),  # 25.00 paid in, 2.00 for a number
    ("east", 60, "-0.07", None, None, None),
]


@pytest.mark.parametrize("kind", ["duckdb", pytest.param("postgres", marks=pytest.mark.slow)])
def test_the_view_has_what_was_reckoned_by_hand(warehouses: MakeWarehouse, kind: str) -> None:
    held = warehouses(kind, ("phaxio",))
    faxes = [
        {
            "account": account,
            "id": number,
            "created_at": NOON + timedelta(minutes=minute),
            "cost": cents,
            "is_test": is_test,
            "_dlt_load_id": LOAD,
        }
        for number, (account, minute, cents, is_test) in enumerate(FAXES)
    ]
    readings = [
        {"account": account, "balance_read_at": NOON + timedelta(minutes=minute), "balance_usd": Decimal(usd)}
        for account, minute, usd in READINGS
    ]
    with held.writable() as connection:
        insert(connection, "fax_phaxio.faxes", faxes)
        insert(connection, "fax_phaxio.sync_runs", [*readings, dict.fromkeys(readings[0]) | {"account": "default"}])
    with held.opened() as connection:
        found = rows(
            connection,
            "select account, read_at, balance_usd, change_usd, cost_usd, drift_usd from fax.balances order by 1, 2",
        )

    assert found == [
        (account, NOON + timedelta(minutes=minute), *(usd if usd is None else Decimal(usd) for usd in amounts))
        for account, minute, *amounts in BY_HAND
    ]


@pytest.mark.slow
def test_only_a_run_that_wrote_asks_and_a_payment_shows_in_the_report(
    serve_fake: ServeFake, sync: Sync, query: Query, report: Reporting
) -> None:
    served = serve_fake("phaxio", generated("phaxio", 12, days=2))
    asked = []
    first = (served.fake.paid_in - sum(fax["cost"] for fax in served.fake.records.values() if not fax["is_test"])) / 100
    sync()
    asked.append(len(served.server.account_requests))
    told_first = report("--month", latest_month(query))[1]
    sync()
    asked.append(len(served.server.account_requests))
    fax = next(iter(served.fake.records.values()))
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    served.fake.add(fax | {"id": 1, "created_at": now, "cost": 21, "is_test": False})
    served.fake.paid_in += 2500
    sync()
    asked.append(len(served.server.account_requests))

    assert asked == [1, 1, 2]
    assert [balance for balance, _ in query(READ)] == [Decimal(str(first)), Decimal(str(first)) + Decimal("24.79")]
    assert query(DRIFTS) == [(None, None, None), (Decimal("24.79"), Decimal("0.21"), Decimal("25.00"))]
    assert re.search(rf"^Balance +\${first:.2f} at phaxio on \d", told_first, re.MULTILINE)
    month = ("--month", latest_month(query))
    assert "; $25.00 more than the cost of the faxes explains" in report(*month)[1]
    assert [row["drift_usd"] for row in report.figures(*month)["balances"]] == ["25.000000"]


def latest_month(query: Query) -> str:
    """The month of the latest balance, which is the current one but for an instant at its turn."""
    [(month,)] = query("select strftime(max(read_at), '%Y-%m') from fax.balances")
    return str(month)


def status(**data: object) -> Answer:
    return json_answer({"success": True, "data": data})


JSON = {"Content-Type": "application/json"}
ODD = {
    "401": Answer(401),
    "429": Answer(429, headers={"Retry-After": "50"}),
    "503": Answer(503),
    "reset": Answer(reset=True),
    "HTML": Answer(200, b"<html>maintenance</html>", {"Content-Type": "text/html"}),
    "half of it": Answer(200, b'{"success": tr', JSON),
    "a list": Answer(200, b"[]", JSON),
    "no data": json_answer({"success": True}),
    "a list of data": json_answer({"success": True, "data": []}),
    "no balance": status(),
    "null": status(balance=None),
    "text": status(balance="N/A"),
    "a boolean": status(balance=True),
    "an object": status(balance={"cents": 1}),
    "too much": status(balance=10**40),
    "no success": json_answer({"success": False, "data": {"balance": 1}}),
}


@pytest.mark.parametrize("name", ODD)
def test_an_odd_answer_is_no_balance_and_is_asked_once(name: str, serve_fake: ServeFake) -> None:
    served = serve_fake("phaxio")
    served.server.account_answer = lambda request: ODD[name]

    assert balance(served) is None
    assert (len(served.server.account_requests), len(served.server.requests)) == (1, 0)


@pytest.mark.parametrize(("cents", "usd"), [(-7, "-0.07"), ("1076", "10.76"), (10.5, "0.105"), (0, "0")])
def test_a_balance_may_be_owed_or_come_as_text(cents: object, usd: str, serve_fake: ServeFake) -> None:
    served = serve_fake("phaxio")
    served.server.account_answer = lambda request: status(balance=cents)
    read = balance(served)

    assert read is not None
    assert read.usd == Decimal(usd)


def test_a_balance_is_dated_by_the_providers_clock(serve_fake: ServeFake) -> None:
    served = serve_fake("phaxio")
    then = datetime(2026, 3, 31, 12, tzinfo=UTC)
    body = status(balance=1)
    served.server.account_answer = lambda request: Answer(
        200, body.body, {**body.headers, "Date": format_datetime(then, True)}
    )
    read = balance(served)

    assert read is not None
    assert abs(read.read_at - then) < timedelta(minutes=1)


def balance(served: Served) -> Balance | None:
    """The account's balance, read from the fake."""
    kind, written = sources.provider(served.provider).Settings, served.fake.settings(served.server.url)
    settings = msgspec.convert(written, kind, strict=False)
    source = Source(served.provider, settings=settings)
    client = source.connect()
    try:
        return source.balance(client)
    finally:
        client.close()


def test_no_balance_is_no_failure(serve_fake: ServeFake, sync: Sync, query: Query) -> None:
    served = serve_fake("phaxio", generated("phaxio", 3, days=2))
    served.server.account_answer = lambda request: Answer(401)
    synced = sync()

    assert (synced.exit_code, synced.accounts["phaxio"]["new"], synced.accounts["phaxio"]["warnings"]) == (0, 3, [])
    assert query(READ) == [(None, True)]
    assert query(DRIFTS) == []


def test_a_run_whose_views_fail_has_the_balance_all_the_same(
    serve_fake: ServeFake, sync: Sync, query: Query, warehouse: Path
) -> None:
    served = serve_fake("phaxio", generated("phaxio", 3, days=1))
    sync()
    File(warehouse).write("alter table fax._made_views drop column digest")
    served.fake.add(*generated("phaxio", 1, days=0.01, seed=2, first_id=900_000_000))
    exit_code = sync().exit_code

    rows = query("select exit_code, balance_usd is not null from fax_phaxio.sync_runs order by started_at")
    assert (exit_code, rows) == (69, [(0, True), (69, True)])


def test_a_provider_without_a_balance_is_not_asked(serve_fake: ServeFake) -> None:
    served = serve_fake("signalwire")

    assert balance(served) is None
    assert (served.server.account_requests, served.server.requests) == ([], [])
