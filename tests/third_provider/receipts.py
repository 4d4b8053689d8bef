"""How Telefact lists receipts, its second list: all of a window on one page, and no count."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from sources.extract.page import Page
from sources.extract.window_sizing import TIMESTAMPS, BoundForm
from sources.http.client import Client
from sources.window import Window

EARLIEST = datetime(2020, 1, 1, tzinfo=UTC)
WIDEST_WINDOW = timedelta(days=365)
BOUND_FORMS: tuple[BoundForm, ...] = (TIMESTAMPS,)


def fetch_pages(client: Client, window: Window, form: BoundForm = TIMESTAMPS) -> Iterator[Page]:
    """The page of receipts created in the window."""
    answer = client.get("receipts", {"since": form.write(window.start), "until": form.write(window.end)})
    yield Page(answer["receipts"])


def fetch_fax(client: Client, fax_id: Any) -> dict[str, Any] | None:
    """One receipt by its id."""
    receipt: dict[str, Any] = client.get(f"receipts/{fax_id}")
    return receipt
