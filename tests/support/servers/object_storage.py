"""Object storage that answers as S3 does: a directory, to be read only, or a refusal of every request."""

import threading
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

_LIST = "<ListBucketResult><IsTruncated>false</IsTruncated>{}</ListBucketResult>"
_OBJECT = (
    '<Contents><Key>{}</Key><Size>{}</Size><ETag>"1"</ETag><LastModified>2026-11-01T00:00:00Z</LastModified></Contents>'
)


@contextmanager
def bucket(directory: Path, denied: Collection[str] = ()) -> Iterator[tuple[dict[str, str], Counter[str]]]:
    """The variables that lead to the bucket `fax`, which holds the directory, and its requests by method and key.

    It denies access to keys that end as one of `denied`, which the caller may change.
    """
    requests: Counter[str] = Counter()

    class Answer(_Answer):
        def do_GET(self) -> None:
            url = urlsplit(self.path)
            key, query = unquote(url.path).removeprefix("/fax").lstrip("/"), parse_qs(url.query)
            requests[f"{self.command} {key}"] += 1
            if "list-type" in query:
                self.answer(200, self.listed(query["prefix"][0]).encode())
            elif key.endswith(tuple(denied)):
                self.answer(403, b"<Error><Code>AccessDenied</Code></Error>")
            elif key and (directory / key).is_file():
                self.answer_file((directory / key).read_bytes())
            else:
                self.answer(404, b"<Error><Code>NoSuchKey</Code></Error>")

        do_HEAD = do_GET

        def listed(self, prefix: str) -> str:
            keys = {str(file.relative_to(directory)): file for file in directory.rglob("*") if file.is_file()}
            found = [_OBJECT.format(key, keys[key].stat().st_size) for key in sorted(keys) if key.startswith(prefix)]
            return _LIST.format("".join(found))

        def answer_file(self, data: bytes) -> None:
            if asked := self.headers.get("Range"):
                first, _, last = asked.removeprefix("bytes=").partition("-")
                start, end = (int(first), int(last or len(data) - 1)) if first else (len(data) - int(last), len(data))
                part = data[start : end + 1]
                self.answer(206, part, {"Content-Range": f"bytes {start}-{start + len(part) - 1}/{len(data)}"})
            else:
                self.answer(200, data)

    with _serving(Answer) as variables:
        yield variables, requests


@contextmanager
def refusing(status: int, code: str) -> Iterator[dict[str, str]]:
    """The variables that lead to storage that answers each request with this status and S3's code of the error."""

    class Refusal(_Answer):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.answer(status, f"<Error><Code>{code}</Code></Error>".encode())

        do_HEAD = do_PUT = do_POST = do_DELETE = do_GET

    with _serving(Refusal) as variables:
        yield variables


class _Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"ETag": '"1"', "Last-Modified": "Sun, 01 Nov 2026 00:00:00 GMT", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Prints nothing."""


@contextmanager
def _serving(handler: type[_Answer]) -> Iterator[dict[str, str]]:
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield {
                "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_address[1]}",
                "AWS_ALLOW_HTTP": "true",
                "AWS_ACCESS_KEY_ID": "key",
                "AWS_SECRET_ACCESS_KEY": "secret",
                "AWS_REGION": "us-east-1",
            }
        finally:
            server.shutdown()
