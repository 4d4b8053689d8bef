"""A provider that sends too much: endless bytes and compression bombs."""

import socket
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import chain, repeat
from threading import Thread

PIECE = b" " * 65_536
JSON = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
CHUNKED = JSON + b"Transfer-Encoding: chunked\r\n\r\n"
Pieces = Callable[[], Iterable[bytes]]


def squeezed(encoding: str, size: int) -> Iterator[bytes]:
    """A compressed response of `size` blanks, a thousandth of that on the wire."""
    bits = {"gzip": 31, "deflate": 15}[encoding]
    deflating = zlib.compressobj(9, wbits=bits)
    yield JSON + b"Content-Encoding: " + encoding.encode() + b"\r\n\r\n"
    for _ in range(size // len(PIECE)):
        yield deflating.compress(PIECE)
    yield deflating.flush()


def squeezed_twice(size: int) -> Iterator[bytes]:
    """The same response compressed twice, a millionth on the wire."""
    outer, inner = zlib.compressobj(9, wbits=31), squeezed("gzip", size)
    next(inner)
    yield JSON + b"Content-Encoding: gzip, gzip\r\n\r\n"
    for piece in inner:
        yield outer.compress(piece)
    yield outer.flush()


def whole(body: bytes) -> Iterator[bytes]:
    """The raw response with this body."""
    return iter([JSON + b"Content-Length: %d\r\n\r\n" % len(body), body])


FLOODS: dict[str, Pieces] = {
    "a gzip bomb": lambda: squeezed("gzip", 10**9),
    "a deflate bomb": lambda: squeezed("deflate", 10**9),
    "a bomb in a bomb": lambda: squeezed_twice(10**9),
    "a body of 1 GB": lambda: chain([JSON + b"Content-Length: 1000000000\r\n\r\n"], repeat(PIECE, 15_000)),
    "a body without an end": lambda: chain([JSON + b"\r\n"], repeat(PIECE)),
    "chunks without an end": lambda: chain([CHUNKED], repeat((b"100\r\n" + b" " * 256 + b"\r\n") * 200)),
    "trailers without an end": lambda: chain(
        [CHUNKED + b"2\r\n{}\r\n0\r\n"], repeat((b"X-More: " + b"1" * 256 + b"\r\n") * 200)
    ),
    "a gzip file's name without an end": lambda: chain(
        [JSON + b"Content-Encoding: gzip\r\n\r\n", b"\x1f\x8b\x08\x08\0\0\0\0\0\0"], repeat(b"name" * 16_000)
    ),
    "a header of 10 MB": lambda: chain([JSON + b"X-Long: "], repeat(b"x" * 65_536, 160), [b"\r\n\r\n{}"]),
    "10,000 headers": lambda: chain([JSON], (b"X-%d: 1\r\n" % number for number in range(10_000)), [b"\r\n{}"]),
    "interim responses without an end": lambda: repeat(
        (b"HTTP/1.1 100 Continue\r\nX-More: " + b"1" * 256 + b"\r\n\r\n") * 200
    ),
    "a page of a million faxes": lambda: whole(
        b'{"success":true,"paging":{"total":1000000,"per_page":1000,"page":1},"links":{},"data":['
        + b",".join(b'{"id":%d}' % number for number in range(1_000_000))
        + b"]}"
    ),
    "ten million empty records": lambda: whole(b'{"success":true,"data":[' + b"{}," * 10_000_000 + b"{}]}"),
    "brackets within brackets": lambda: whole(b'{"data":[' + b"[" * 15_000_000 + b"]" * 15_000_000 + b"]}"),
    "quotes without an end": lambda: whole(b'{"data":"' + b'\\"' * 15_000_000),
}


@dataclass
class Flooding:
    """A running server; `asked` are the requests that it has received."""

    url: str
    asked: int = 0


@contextmanager
def flooding(pieces: Pieces) -> Iterator[Flooding]:
    """A server that answers every connection with these pieces, during the block."""
    listener = socket.create_server(("127.0.0.1", 0))
    flood = Flooding(f"http://127.0.0.1:{listener.getsockname()[1]}")

    def pour(client: socket.socket) -> None:
        with suppress(OSError), client:
            client.recv(65_536)
            for piece in pieces():
                client.sendall(piece)

    def accept() -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                flood.asked += 1
                Thread(target=pour, args=(client,), daemon=True).start()

    Thread(target=accept, daemon=True).start()
    try:
        yield flood
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
