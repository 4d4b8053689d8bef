"""How Telefact lists transmissions: by offset, with a count."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from sources.extract.page import Page
from sources.extract.window_sizing import TIMESTAMPS, BoundForm
from sources.http.client import Client
from sources.window import Window

EARLIEST = datetime(2015, 1, 1, tzinfo=UTC)
WIDEST_WINDOW = timedelta(days=36500)
BOUND_FORMS: tuple[BoundForm, ...] = (TIMESTAMPS,)
LIMIT = 7


def fetch_pages(client: Client, window: Window, form: BoundForm = TIMESTAMPS) -> Iterator[Page]:
    """The pages of transmissions created in the window."""
    bounds = {"since": form.write(window.start), "until": form.write(window.end), "limit": str(LIMIT)}
    offset, count = 0, 1
    while offset < count:
        answer = client.get("transmissions", {**bounds, "offset": str(offset)})
        count = answer["count"]
        yield Page(answer["transmissions"], count)
        offset += LIMIT


def fetch_fax(client: Client, fax_id: Any) -> dict[str, Any] | None:
    """One transmission by its id."""
    transmission: dict[str, Any] = client.get(f"transmissions/{fax_id}")
    return transmission
