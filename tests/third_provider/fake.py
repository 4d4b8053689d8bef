"""A fake Telefact over real HTTP."""

from datetime import datetime, timedelta

from sources.fake_server import Answer, Request, json_answer
from sources.fake_time import instant

COUNT = 23


class Fake:
    """One Telefact account with a transmission on each of the last days."""

    def __init__(self, now: datetime) -> None:
        times = [(now - timedelta(days=day)).isoformat(timespec="seconds") for day in range(1, COUNT + 1)]
        common = {"sender": "+12025550100", "receiver": "+12025550101", "sheets": 2, "price": "0.0101", "state": "ok"}
        self.records = [
            {"id": f"T{number}", "created_at": at, "way": ("out", "in")[number % 2], **common}
            for number, at in enumerate(times)
        ]

    @classmethod
    def demo(cls, now: datetime) -> "Fake":
        """The account as the demonstration shows it."""
        return cls(now)

    def settings(self, url: str) -> dict[str, str]:
        """What `[sources.telefact]` must say to reach this account."""
        return {"user": "someone", "key": "secret", "base_url": url}

    def answer(self, request: Request) -> Answer:
        """What Telefact says to this request."""
        since, until = instant(request.query["since"]), instant(request.query["until"])
        found = [record for record in self.records if since <= instant(record["created_at"]) < until]
        offset, limit = int(request.query["offset"]), int(request.query["limit"])
        return json_answer({"transmissions": found[offset : offset + limit], "count": len(found)})
