"""Serves an account's pages from bytes prepared beforehand, in a process of its own, so that it is not measured.

python tests/benchmark/server.py DIRECTORY LATENCY_MS

It prints its port, keeps connections alive, and compresses nothing: loopback has no narrow wire. `/requests` tells how
many requests there were since that was last asked.
"""

import asyncio
import sys
from array import array
from bisect import bisect_left, bisect_right
from datetime import UTC, datetime, timedelta
from mmap import ACCESS_READ, mmap
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

BLOB, ENDS, INSTANTS = "faxes.json", "ends", "instants"
COUNTED = 10_000  # documented: a larger total is only said to be larger
BALANCE = b'{"success":true,"message":"Account status retrieved successfully","data":{"balance":5000}}'
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Pages:
    """The account's pages, by the query that asks for them; bounds are inclusive."""

    def __init__(self, directory: Path) -> None:
        with (directory / BLOB).open("rb") as blob:
            self.blob = mmap(blob.fileno(), 0, access=ACCESS_READ)
        self.ends, self.instants = array("q"), array("q")
        self.ends.frombytes((directory / ENDS).read_bytes())
        self.instants.frombytes((directory / INSTANTS).read_bytes())

    def body(self, query: dict[str, str]) -> bytes:
        """One page as Phaxio prints it."""
        first = bisect_left(self.instants, -_micros(query["created_before"]), key=lambda at: -at)
        last = bisect_right(self.instants, -_micros(query["created_after"]), key=lambda at: -at)
        per_page, page, count = int(query["per_page"]), int(query["page"]), last - first
        total = str(count) if count <= COUNTED else f'">{COUNTED}"'
        paging = f'{{"total":{total},"per_page":{per_page},"page":{page}}}'.encode()
        start = min(last, first + (page - 1) * per_page)
        faxes = self._faxes(start, min(last, start + per_page))
        return b'{"success":true,"message":"Retrieved faxes successfully","data":[%b],"paging":%b}' % (faxes, paging)

    def _faxes(self, start: int, end: int) -> bytes:
        if start == end:
            return b""
        return self.blob[self.ends[start - 1] if start else 0 : self.ends[end - 1] - 1]


class Connection(asyncio.Protocol):
    """One connection; `asked` has one element, the number of requests."""

    transport: asyncio.Transport

    def __init__(self, pages: Pages, latency_seconds: float, asked: list[int]) -> None:
        self.pages, self.latency_seconds, self.asked = pages, latency_seconds, asked
        self.received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.received += data
        head, end, rest = self.received.partition(b"\r\n\r\n")
        if not end:
            return
        self.received = rest
        parts = urlsplit(head.split(b" ", 2)[1].decode())
        if parts.path == "/requests":
            self.answer(str(self.asked[0]).encode())
            self.asked[0] = 0
            return
        self.asked[0] += 1
        body = BALANCE if parts.path.endswith("/account/status") else self.pages.body(dict(parse_qsl(parts.query)))
        asyncio.get_running_loop().call_later(self.latency_seconds, self.answer, body)

    def answer(self, body: bytes) -> None:
        """Sends a 200."""
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
        self.transport.writelines([head, body])


def _micros(instant: str) -> int:
    return (datetime.fromisoformat(instant) - EPOCH) // timedelta(microseconds=1)


async def main(directory: Path, latency_ms: float) -> None:
    """Serves until it is ended."""
    pages, asked = Pages(directory), [0]
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(pages, latency_ms / 1000, asked), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), float(sys.argv[2])))
