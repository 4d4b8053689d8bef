"""Changes the documents of a fake's responses, and counts the stored rows after a failed sync."""

from collections.abc import Callable
from typing import Any

import sources
from sources.fakes.server import Answer, Request
from tests.conftest import Query, Served
from tests.support.faults.wire import changed

Bend = Callable[[dict[str, Any]], Any]


def bend(served: Served, change: Bend, after: int = 0) -> None:
    """Changes every document from request number `after` on."""
    honest = served.server.answer

    def answer(request: Request) -> Answer:
        told = honest(request)
        return changed(told, change) if request.number >= after else told

    served.server.answer = answer


def rows_held(query: Query, provider: str) -> int:
    table = sources.provider(provider).TABLE.name
    tables = query("select table_name from information_schema.tables where table_schema = ?", f"fax_{provider}")
    return int(query(f"select count(*) from fax_{provider}.{table}")[0][0]) if (table,) in tables else 0
