"""A request to a fake provider, and its answer, which may have faults on the wire."""

import gzip
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import Message
from email.utils import formatdate
from json import JSONEncoder

CHUNK = 1024  # bytes in one chunk of a chunked body
COMPACT = JSONEncoder(ensure_ascii=False, separators=(",", ":"))
SMALLEST_GZIP = 1400  # bytes; a smaller body fits into one packet without compression


@dataclass(frozen=True)
class Request:
    """One request. `number` counts the requests from 0; a repeated query parameter has its last value."""

    method: str
    path: str
    query: dict[str, str]
    headers: Message
    number: int


@dataclass(frozen=True)
class Answer:
    """An answer and its faults.

    `cut_after` closes the connection after this number of body bytes. `reset` sends only a RST, or, with `cut_after`,
    a RST after these bytes. `drip_seconds` pass after each byte of the body.
    """

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_seconds: float = 0.0
    cut_after: int | None = None
    reset: bool = False
    drip_seconds: float = 0.0
    chunked: bool = False
    gzip: bool = False


def json_answer(document: object, status: int = 200, **headers: str) -> Answer:
    """The document as compact UTF-8 JSON; `X_Total="3"` becomes the header X-Total."""
    body = document if isinstance(document, bytes) else compact(document)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, body, {"Content-Type": "application/json; charset=utf-8"} | named)


def compact(document: object) -> bytes:
    """The document as JSON without spaces, in UTF-8."""
    return COMPACT.encode(document).encode()


def encoded(answer: Answer, accepted: str) -> tuple[bytes, dict[str, str]]:
    """The body as sent, and all headers; `accepted` is the request's Accept-Encoding."""
    is_compressed = answer.gzip and "gzip" in accepted and len(answer.body) > SMALLEST_GZIP
    body = gzip.compress(answer.body, 1) if is_compressed else answer.body
    headers = {"date": formatdate(time.time(), usegmt=True)}
    headers |= {"transfer-encoding": "chunked"} if answer.chunked else {"content-length": str(len(body))}
    headers |= {"content-encoding": "gzip"} if is_compressed else {}
    return body, headers | {name.lower(): value for name, value in answer.headers.items()}


def framed(body: bytes, answer: Answer) -> bytes:
    """The bytes after the headers, in chunks if the answer is chunked, and truncated at `cut_after` body bytes."""
    if not answer.chunked:
        return body[: answer.cut_after]
    chunks = [body[at : at + CHUNK] for at in range(0, len(body), CHUNK)]
    whole, rest = divmod(len(body) + CHUNK if answer.cut_after is None else answer.cut_after, CHUNK)
    wire = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks[:whole])
    if answer.cut_after is None:
        return wire + b"0\r\n\r\n"
    return wire + b"".join(b"%x\r\n%b" % (len(chunk), chunk[:rest]) for chunk in chunks[whole : whole + 1])
