"""A fake Telefact over real HTTP."""

import os
from datetime import datetime, timedelta
from typing import Any

from sources.fakes.server import Answer, Request, json_answer
from sources.fakes.time import EARLIEST, LATEST, heeds, instant

COUNT = 23
SWITCHES: dict[str, tuple[str, ...]] = {
    "filter": ("heeded", "ignored", "ignored unless a bare date", "since ignored", "until ignored")
}


class Fake:
    """One Telefact account with a transmission on each of the last days."""

    def __init__(self, now: datetime) -> None:
        self.filter = os.environ.get("TELEFACT_FILTER", SWITCHES["filter"][0])
        times = [(now - timedelta(days=day)).isoformat(timespec="seconds") for day in range(1, COUNT + 1)]
        common = {"sender": "+12025550100", "receiver": "+12025550101", "sheets": 2, "status": "ok"}
        price = {"amount": "0.0101", "currencyCode": "USD"}
        self.records: list[dict[str, Any]] = [
            {"id": f"T{number}", "madeAt": at, "way": ("out", "in")[number % 2], "price": price, **common}
            for number, at in enumerate(times)
        ]
        self.shows_receipts = True
        self.receipts = [
            {"id": f"R{number}", "created_at": at, "transmission": f"T{number}", "status": "sealed"}
            for number, at in enumerate(times)
        ]

    @classmethod
    def demo(cls, now: datetime) -> "Fake":
        """The account as the demonstration shows it."""
        return cls(now)

    def settings(self, url: str) -> dict[str, str]:
        """What `[sources.telefact]` must say to reach this account."""
        return {"user": "someone", "key": "secret", "base_url": url}

    def bound(self, request: Request, name: str) -> datetime | None:
        """The bound of that name, None if it is ignored."""
        text = request.query[name]
        return instant(text) if heeds(self.filter, name, text) else None

    def answer(self, request: Request) -> Answer:
        """What Telefact says to this request."""
        if request.path.endswith("receipts"):
            if not self.shows_receipts:
                return json_answer({}, 403)
            start, end = instant(request.query["since"]), instant(request.query["until"])
            return json_answer(
                {"receipts": [one for one in self.receipts if start <= instant(one["created_at"]) < end]}
            )
        if (id := request.path.rpartition("/")[2]) != "transmissions":
            return json_answer(next(record for record in self.records if record["id"] == id))
        since = self.bound(request, "since") or EARLIEST
        until = self.bound(request, "until") or LATEST
        found = [record for record in self.records if since <= instant(record["madeAt"]) < until]
        offset, limit = int(request.query["offset"]), int(request.query["limit"])
        return json_answer({"transmissions": found[offset : offset + limit], "count": len(found)})
