"""March 2026 in Chicago, small enough to compute by hand, through the real sync: the views have the rows of costs.md
and deliveries.md.

The figures of these pages were computed by hand from the faxes below, which costs.md lists too.
"""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pipelines.views.files import HERE
from sources.signalwire.fake import Fake
from tests.conftest import ROOT, MakeWarehouse, Query
from tests.support.commands.made_files import loaded_at, syncing
from tests.support.pages import blocks as code_blocks
from tests.support.pages import page
from tests.support.warehouse.rows import rows

NOON = datetime(2026, 3, 21, 17, tzinfo=UTC)  # in Chicago
READ = ("--since", "2026-02-01", "--until", f"{NOON:%Y-%m-%dT%H:%M}", "--refetch")
FIGURES = re.compile(r"<!-- figures: (.+?) -->\n```\n(.*?)```", re.DOTALL)
OURS, OURS_TOO, MOVED = "+12065550100", "+12065550101", "+12065550102"
NEW_YORK, CHICAGO, LONDON, SENDER = "+12125550001", "+13125550002", "+442071838750", "+13125550009"
BOSTON, EMULATED = "+16175550104", "+19898989898"


def call(number: str, created_at: str, seconds: int | None = None, retries: int = 0, status: str = "") -> Any:
    """A Phaxio recipient: delivered after so many seconds, or else failed."""
    error = {"error_type": "lineError", "error_id": 34, "error_message": "busy"} if status == "failure" else {}
    done = None if seconds is None else after(created_at, seconds)
    status = status or "success"
    none = {"bitrate": None, "resolution": None, "error_type": None, "error_id": None, "error_message": None}
    return {"phone_number": number, "status": status, "retry_count": retries, "completed_at": done} | none | error


def after(created_at: str, seconds: int) -> str:
    return (datetime.fromisoformat(created_at) + timedelta(seconds=seconds)).isoformat()


def phaxio(id: int, created_at: str, pages: int, cost: int, *calls: Any, **fields: Any) -> dict[str, Any]:
    """A Phaxio fax, sent with these calls, or received."""
    numbers = {"caller_id": OURS, "from_number": None, "to_number": None}
    if not calls:
        numbers = {"caller_id": None, "from_number": SENDER, "to_number": OURS}
    rest: dict[str, Any] = {"caller_name": None, "tags": {}, "recipients": list(calls), "barcodes": []}
    rest |= dict.fromkeys(("error_id", "error_type", "error_message"))
    own = {
        "id": id,
        "direction": "sent" if calls else "received",
        "num_pages": pages,
        "status": "success",
        "cost": cost,
    }
    times = {"is_test": False, "created_at": created_at, "completed_at": after(created_at, 60)}
    return own | times | numbers | rest | fields


def signalwire(
    number: int, created_at: str, pages: int | None, charge: float, to: str, **fields: Any
) -> dict[str, Any]:
    """A SignalWire log, sent to that number."""
    id = f"00000000-0000-4000-8000-{number:012}"
    own = {"id": id, "from": OURS_TOO, "to": to, "status": "completed", "direction": "outbound-api", "source": "laml"}
    url = {"type": "laml_call", "url": f"https://example.signalwire.com/Faxes/{id}", "remote_station": None}
    rest: dict[str, Any] = {"charge": charge, "number_of_pages": pages, "quality": "fine", "charge_details": []}
    return own | url | rest | {"created_at": created_at, "error_code": None, "error_message": None} | fields


def sinch(number: int, created_at: str, pages: int, price: Any, to: str, **fields: Any) -> dict[str, Any]:
    """A Sinch fax, sent to that number and completed after a minute."""
    own = {"id": f"01KM{number:022}", "direction": "OUTBOUND", "from": MOVED, "to": to, "status": "COMPLETED"}
    done = {"createTime": created_at, "completedTime": after(created_at, 60), "retryCount": 0}
    return own | done | {"numberOfPages": pages, "price": price, "serviceId": "s-1"} | fields


def usd(amount: str | float) -> dict[str, Any]:
    return {"currencyCode": "USD", "amount": amount}


ACME, GLOBEX = {"tags": {"customer": "acme"}}, {"tags": {"customer": "globex"}}
PHAXIO = [
    phaxio(1, "2026-02-10T15:00:00+00:00", 2, 14, call(NEW_YORK, "2026-02-10T15:00:00+00:00", 60)),
    phaxio(2, "2026-02-27T12:00:00+00:00", 1, 7),
    phaxio(3, "2026-03-01T05:59:59+00:00", 1, 7, call(NEW_YORK, "2026-03-01T05:59:59+00:00", 60)),
    phaxio(
        4,
        "2026-03-01T06:00:00+00:00",
        1,
        15,
        call(NEW_YORK, "2026-03-01T06:00:00+00:00", 60),
        call(LONDON, "2026-03-01T06:00:00+00:00", 200, 2, "failure"),
        call(CHICAGO, "2026-03-01T06:00:00+00:00", 120, 1),
        status="partialsuccess",
        tags={"customer": "acme", "job": "77"},
    ),
    phaxio(5, "2026-03-08T07:30:00+00:00", 2, 14, call(NEW_YORK, "2026-03-08T07:30:00+00:00", 30), **ACME),
    phaxio(6, "2026-03-08T07:36:00+00:00", 2, 14, call(NEW_YORK, "2026-03-08T07:36:00+00:00", 90), **ACME),
    phaxio(7, "2026-03-09T05:30:00+00:00", 3, 21),
    phaxio(8, "2026-03-10T12:00:00+00:00", 1, 70, call(NEW_YORK, "2026-03-10T12:00:00+00:00", 60), is_test=True),
    phaxio(
        9,
        "2026-03-20T12:00:00+00:00",
        1,
        7,
        call(NEW_YORK, "2026-03-20T12:00:00+00:00", None, 1, "willretry"),
        status="inprogress",
        completed_at=None,
        **GLOBEX,
    ),
    phaxio(
        10,
        "2026-03-15T12:00:00+00:00",
        1,
        0,
        call(CHICAGO, "2026-03-15T12:00:00+00:00", 200, 3, "failure"),
        status="failure",
    ),
]
INBOUND = {"direction": "inbound", "from": SENDER}
FAILED = {"status": "failed", "error_code": "34004", "error_message": "no carrier"}
SIGNALWIRE = [
    signalwire(1, "2026-03-08T07:30:00Z", 2, 0.02, NEW_YORK),
    signalwire(2, "2026-03-12T15:00:00Z", None, 0.0105, LONDON, **FAILED),
    signalwire(3, "2026-03-12T15:20:00Z", 1, 0.03, LONDON),
    signalwire(4, "2026-03-14T15:00:00Z", 4, 0.04, OURS_TOO, **INBOUND),
    signalwire(5, "2026-03-21T16:00:00Z", None, 0.0, NEW_YORK, status="in-progress"),
]
ACME_LABEL, GLOBEX_LABEL = {"labels": {"customer": "acme"}}, {"labels": {"customer": "globex"}}
BUSY = {"status": "FAILURE", "errorType": "CALL_ERROR", "errorCode": 17, "errorMessage": "Busy signal", "retryCount": 3}
SINCH = [
    sinch(1, "2026-03-16T15:00:00Z", 3, usd("0.2100"), NEW_YORK, **ACME_LABEL),
    sinch(
        2,
        "2026-03-16T15:00:00Z",
        3,
        usd("0.2100"),
        BOSTON,
        **ACME_LABEL,
        retryCount=1,
        completedTime="2026-03-16T15:02:00Z",
    ),
    sinch(3, "2026-03-17T14:00:00Z", 2, usd(0.14), MOVED, direction="INBOUND", **{"from": SENDER}),
    sinch(4, "2026-03-18T20:00:00Z", 1, None, NEW_YORK, **BUSY, **GLOBEX_LABEL),
    sinch(5, "2026-03-18T20:20:00Z", 1, usd("0.07"), NEW_YORK, **GLOBEX_LABEL),
    sinch(6, "2026-03-19T12:00:00Z", 1, {"currencyCode": "EUR", "amount": "0.0650"}, BOSTON),
    sinch(7, "2026-03-20T13:00:00Z", 1, usd("0.0000"), EMULATED),
    sinch(8, "2026-03-20T18:00:00Z", 2, None, BOSTON),
    sinch(9, "2026-03-21T16:30:00Z", 0, None, NEW_YORK, status="IN_PROGRESS", completedTime=None),
]


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> Query:
    """The worked month in the warehouse; SignalWire's fourth log has been deleted after it was read."""
    file = tmp_path_factory.mktemp("month") / "warehouse.duckdb"
    zone = "America/Chicago"
    loaded_at(NOON, "sinch", SINCH, {"DESTINATION__WAREHOUSE__CREDENTIALS": str(file), "REPORT__TIMEZONE": zone})
    with syncing(file, {"phaxio": PHAXIO, "signalwire": SIGNALWIRE}, REPORT__TIMEZONE=zone) as (fakes, sync):
        sync(*READ)
        fakes["signalwire"].delete(SIGNALWIRE[3]["id"])
        sync(*READ)
    return partial(rows, file)


def shown(value: Any) -> str:
    """A value as docs/costs.md prints it."""
    if value is None:
        return "-"
    if isinstance(value, Decimal | float):
        return f"{Decimal(str(value)).normalize():f}"
    return (
        str(value).lower() if isinstance(value, bool) else f"{value:%Y-%m-%d}" if hasattr(value, "day") else str(value)
    )


def blocks(title: str) -> dict[str, tuple[list[str], list[str]]]:
    """View -> its columns in the figures of this title in docs/costs.md and docs/deliveries.md, and the lines below."""
    figures = [text.strip() for at, text in FIGURES.findall(page("costs") + page("deliveries")) if at == title]
    told = {}
    for block in "\n\n".join(figures).split("\n\n"):
        head, *lines = block.splitlines()
        view, columns = head.removeprefix("fax.").split(": ")
        told[view] = (columns.split(), sorted(" ".join(line.split()) for line in lines))
    return told


def found(title: str, query: Query) -> dict[str, tuple[list[str], list[str]]]:
    """What the views say in place of these figures."""
    held = {}
    for view, (columns, _) in blocks(title).items():
        answer = query(f"select {', '.join(columns)} from fax.{view}")
        held[view] = (columns, sorted(" ".join(shown(value) for value in row) for row in answer))
    return held


def test_every_view_has_figures() -> None:
    unread = {"balances", "calendar", "deliveries"}
    assert blocks("worked month").keys() == {path.stem for path in HERE.glob("*.sql")} - unread | {"fax_recipients"}


def test_every_view_says_what_was_reckoned_by_hand(figures: Query) -> None:
    assert found("worked month", figures) == blocks("worked month")


@pytest.mark.slow
def test_a_fax_of_the_compatibility_api_counts_once_and_tells_what_became_of_it(tmp_path: Path) -> None:
    fake = Fake(SIGNALWIRE, compat="read")
    fake.compat.put(SIGNALWIRE[2] | {"number_of_pages": 0, "error_code": "34005"})
    fake.compat.put(signalwire(6, "2026-03-13T15:00:00Z", 2, 0.02, NEW_YORK))
    file = tmp_path / "warehouse.duckdb"
    with syncing(file, {}, {"signalwire": fake}, REPORT__TIMEZONE="America/Chicago") as (_, sync):
        sync(*READ)

    assert found("with compat_faxes", partial(rows, file)) == blocks("with compat_faxes")


QUESTIONS = [sql for name in ("README.md", "docs/asking.md") for sql in code_blocks("sql", ROOT / name)]


def test_every_question_of_the_docs_has_an_answer_in_that_month(figures: Query) -> None:
    assert [sql for sql in QUESTIONS if figures(sql) == []] == []


@pytest.mark.slow
def test_every_question_of_the_docs_runs_on_postgres(warehouses: MakeWarehouse) -> None:
    with warehouses("postgres").opened() as connection:
        for sql in QUESTIONS:
            assert connection.execute(sql).description
