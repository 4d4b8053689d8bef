"""What only Sinch does: late prices in any currency, thirteen months of history, tokens, and odd values."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from sources.fakes.server import Answer, Request, json_answer
from sources.http.client import Client
from sources.sinch.api import fetch_pages, history_floor
from sources.sinch.fake.data import DOCUMENTED, TEST_NUMBER
from sources.sinch.fake.faxes import printed
from sources.window import Window
from tests.conftest import Query, ServeFake, Settings, Sync, generated
from tests.support.commands.check_command import Check
from tests.support.commands.in_process import Time, run_once
from tests.support.faults.inject import broken, dated
from tests.support.warehouse.oracle import assert_holds

DAY = timedelta(days=1)


def fax(days: float = 1, **fields: Any) -> dict[str, Any]:
    """The documented fax, created so many days ago."""
    return DOCUMENTED[0] | {"createTime": printed(datetime.now(UTC) - days * DAY)} | fields


def test_the_documented_fax_and_one_to_the_test_number_are_held_exactly(
    serve_fake: ServeFake, sync: Sync, query: Query
) -> None:
    serve_fake("sinch", [fax(), fax(id="01HZT", to=TEST_NUMBER, labels=None)])
    sync()

    assert query(
        "select direction, outcome, num_pages, cost_usd, is_test, tag.name, tag.value"
        " from fax.faxes left join fax.fax_tags as tag on tag.fax_id = faxes.id order by is_test"
    ) == [
        ("sent", "delivered", 3, Decimal("0.21"), False, "customer", "acme"),
        ("sent", "delivered", 3, Decimal("0.21"), True, None, None),
    ]


@pytest.mark.slow
def test_a_completed_fax_without_a_price_is_asked_for_until_it_has_one(
    serve_fake: ServeFake, settings: Settings, query: Query
) -> None:
    unpriced = [fax(days=5, id=status, status=status, price=None) for status in ("COMPLETED", "FAILURE")]
    served = serve_fake("sinch", [*unpriced, fax()])
    costs = "select id, cost_usd, is_final from fax.faxes where id in ('COMPLETED', 'FAILURE') order by id"
    run_once("sinch", settings, Time())
    assert query(costs) == [("COMPLETED", None, False), ("FAILURE", None, True)]

    for late in unpriced:
        served.fake.change(late["id"], price={"currencyCode": "USD", "amount": "0.0700"})
    with broken(served, dated(DAY)):
        run_once("sinch", settings, Time(DAY))

    assert query(costs) == [("COMPLETED", Decimal("0.07"), True), ("FAILURE", None, True)]


PRICES = (  # as printed, amount and currency as stored, cost
    ({"currencyCode": "USD", "amount": 0.07}, (Decimal("0.07"), "USD"), Decimal("0.07")),
    ({"currencyCode": "EUR", "amount": "0.07"}, (Decimal("0.07"), "EUR"), None),
    ({"currencyCode": "usd", "amount": "0.07"}, (Decimal("0.07"), "usd"), Decimal("0.07")),
    ({"amount": "0.07"}, (Decimal("0.07"), None), None),
    ({"currencyCode": "", "amount": "0.07"}, (Decimal("0.07"), ""), None),
    ("N/A", (None, None), None),
    ({"currencyCode": "USD", "amount": "N/A"}, (None, "USD"), None),
)


def test_only_a_price_in_us_dollars_is_a_cost(serve_fake: ServeFake, sync: Sync, query: Query, check: Check) -> None:
    serve_fake("sinch", [fax(id=f"01HZ{number}", price=price) for number, (price, _, _) in enumerate(PRICES)])
    sync()
    exit_code, told = check()

    stored = query("select price_amount, price_currency from fax_sinch.faxes order by id")
    assert stored == [amount for _, amount, _ in PRICES]
    assert query("select cost_usd from fax.faxes order by id") == [(cost,) for *_, cost in PRICES]
    currencies = query("select price_currency from fax.faxes order by id")
    assert currencies == [("USD",), ("EUR",), ("USD",), ("XXX",), ("XXX",), (None,), (None,)]
    assert query("select record_id from fax_sinch.sync_problems order by 1") == [("01HZ5",), ("01HZ6",)]
    notes = [note.partition(";")[0] for note in told["sinch"]["notes"] if "cost_usd is null" in note]
    assert (exit_code, sorted(notes)) == (
        0,
        ["faxes priced in EUR: 1", "faxes priced in a currency that is not named: 2"],
    )


def test_what_a_url_has_to_authorize_a_request_is_not_stored(
    serve_fake: ServeFake, sync: Sync, query: Query, warehouse: Path
) -> None:
    url = "https://user:canary-1@files.example/a.pdf?token=canary-2#canary-3"
    serve_fake("sinch", [fax(contentUrl=[url, url], callbackUrl=url), fax(id="01HZ2", contentUrl=url, callbackUrl=7)])
    sync()

    bare = "https://files.example/a.pdf"
    assert query("select content_url->>'$', callback_url from fax_sinch.faxes order by id") == [
        (bare, "7"),
        (f'["{bare}","{bare}"]', bare),
    ]
    assert b"canary" not in warehouse.read_bytes()


@pytest.mark.slow
def test_what_is_older_than_thirteen_months_is_a_gap(
    serve_fake: ServeFake, sync: Sync, query: Query, warehouse: Path
) -> None:
    floor = history_floor(datetime.now(UTC))
    faxes = generated("sinch", 200, days=720)
    # none lies where the floor would be if midnight passes meanwhile
    faxes = [fax for fax in faxes if abs(datetime.fromisoformat(fax["createTime"]) - floor) > 2 * DAY]
    served = serve_fake("sinch", faxes)
    synced = sync()
    ((reached,),) = query("select max(to_at) from fax.sync_windows where proof = 'gap'")

    assert (synced.exit_code, "beyond the provider's history" in synced.told) == (0, True)
    assert_holds(warehouse, "sinch", served.fake.truth())
    assert reached in {floor, history_floor(datetime.now(UTC))}


def test_where_all_is_older_than_thirteen_months_no_page_is_said_to_be_read(serve_fake: ServeFake, sync: Sync) -> None:
    served = serve_fake("sinch", generated("sinch", 5))
    synced = sync("--since", "2023-05-01", "--until", "2023-06-01")

    (request,) = served.server.requests  # for the time of Sinch
    assert (synced.exit_code, request.query["page"], "all pages read" in synced.told) == (0, "1", False)
    assert "2023-05-01T00:00:00Z to 2023-06-01T00:00:00Z is beyond the provider's history" in synced.told


def test_a_clock_ahead_here_moves_no_floor(serve_fake: ServeFake) -> None:
    served = serve_fake("sinch", [fax()])
    of, now = served.fake.settings(served.server.url), datetime.now(UTC)
    client = Client(of["base_url"], (of["key_id"], of["key_secret"]), "Sinch", now=lambda: now + 500 * DAY)

    assert len([*fetch_pages(client, Window(now - 30 * DAY, now))]) == 1


@pytest.mark.parametrize(
    ("now", "floor"), [((2026, 11, 28), (2025, 10, 28)), ((2026, 3, 31), (2025, 2, 28)), ((2026, 1, 1), (2024, 12, 1))]
)
def test_the_floor_is_thirteen_months_ago(now: tuple[int, int, int], floor: tuple[int, int, int]) -> None:
    assert history_floor(datetime(*now, 13, tzinfo=UTC)) == datetime(*floor, tzinfo=UTC)


@pytest.mark.slow
@pytest.mark.parametrize("revocations", [0, 1])
def test_a_token_is_requested_once_and_renewed_when_it_is_revoked(
    revocations: int, serve_fake: ServeFake, sync: Sync, warehouse: Path
) -> None:
    served = serve_fake("sinch", generated("sinch", 300, days=60), auth="oauth2")
    honest, pending = served.server.answer, [served.fake.revoke_tokens] * revocations

    def answer(request: Request) -> Answer:
        told = honest(request)
        if request.method == "GET" and pending:
            pending.pop()()
        return told

    served.server.answer = answer
    synced = sync()

    assert synced.exit_code == 0
    assert_holds(warehouse, "sinch", served.fake.truth())
    assert [request.method for request in served.server.requests].count("POST") == 1 + revocations
    token = served.server.requests[-1].headers["Authorization"].removeprefix("Bearer ")
    assert token not in synced.told and token.encode() not in warehouse.read_bytes()


@pytest.mark.parametrize(
    ("answer", "exit_code"),
    [
        (json_answer({"error": "invalid_client"}, 401), 77),
        (Answer(200, b"<html>", {"Content-Type": "text/html"}), 65),
        (Answer(503), 75),
    ],
)
def test_a_token_endpoint_that_gives_no_token_ends_the_run(
    answer: Answer, exit_code: int, serve_fake: ServeFake, sync: Sync
) -> None:
    served = serve_fake("sinch", generated("sinch", 3), auth="oauth2")
    honest = served.server.answer
    served.server.answer = lambda request: answer if request.method == "POST" else honest(request)

    assert sync().exit_code == exit_code
