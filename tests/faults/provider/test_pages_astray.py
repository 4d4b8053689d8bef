"""Answers that are no pages: none is taken for an empty account, and each is told as the provider's breach."""

from dataclasses import replace

import pytest

import sources
from sources.fakes.server import Answer, json_answer
from tests.faults.conftest import StartTrial
from tests.support.faults.inject import Fault, always, bent, from_page, raw

every_provider = pytest.mark.parametrize("provider", sources.providers())
JSON = {"Content-Type": "application/json"}
UNREADABLE: dict[str, Fault] = {
    "a login page": always(Answer(200, b"<html>Please log in</html>", {"Content-Type": "text/html"})),
    "nothing": always(Answer(200, b"", JSON)),
    "204": always(Answer(204)),
    "null": always(json_answer(b"null")),
    "text": always(json_answer(b'"OK"')),
    "an empty object": always(json_answer(b"{}")),
    "UTF-16": raw(lambda body: body.decode().encode("utf-16")),
    "bytes that are no UTF-8": raw(lambda body: body.replace(b"+1", b"\xff1", 1)),
    "latin-1": raw(lambda body: body.replace(b"+1", b"\xe91", 1)),
    "a key twice in the page": raw(lambda body: body.replace(b'"data":', b'"data":[],"data":', 1)),
    "a key twice in a fax": raw(lambda body: body.replace(b'"id":', b'"id":1,"id":', 1)),
    "a raw control character": raw(lambda body: body.replace(b"+1", b"\n1", 1)),
    "two documents": raw(lambda body: body + body),
}
SHAPES: dict[str, Fault] = {
    "no data": bent(lambda page: {name: page[name] for name in page if name != "data"}),
    "data is null": bent(lambda page: page | {"data": None}),
    "data is an object": bent(lambda page: page | {"data": {str(at): fax for at, fax in enumerate(page["data"])}}),
    "data is text": bent(lambda page: page | {"data": "[]"}),
    "data holds null": bent(lambda page: page | {"data": [*page["data"], None]}),
    "data holds a list": bent(lambda page: page | {"data": [page["data"]]}),
    "a list around the page": bent(lambda page: [page]),
}
OWN: dict[str, dict[str, Fault]] = {
    "phaxio": {
        "success is false": bent(lambda page: page | {"success": False}),
        "success is false and empty": bent(lambda page: page | {"success": False, "data": []}),
        "success is text": bent(lambda page: page | {"success": "true"}),
        "success is one": bent(lambda page: page | {"success": 1}),
        "success is missing": bent(lambda page: {name: page[name] for name in page if name != "success"}),
        "paging is null": bent(lambda page: page | {"paging": None}),
        "paging is missing": bent(lambda page: {name: page[name] for name in page if name != "paging"}),
    },
    "signalwire": {
        "links is null": bent(lambda page: page | {"links": None}),
        "links is missing": bent(lambda page: {"data": page["data"]}),
        "links is a list": bent(lambda page: page | {"links": []}),
        "next is a number": bent(lambda page: page | {"links": {"next": 5}}),
        "next is an object": bent(lambda page: page | {"links": {"next": {}}}),
    },
}


@every_provider
def test_no_breach_on_the_first_page_changes_anything(provider: str, trial: StartTrial) -> None:
    started = trial(provider)
    # How a body is read is the same for every provider.
    unreadable = UNREADABLE if provider == sources.providers()[0] else {}
    for name, fault in {**unreadable, **SHAPES, **OWN.get(provider, {})}.items():
        synced = started.fails(65, fault)

        assert "FAILED" not in synced.told or provider in synced.told, name
    started.recovers()


@every_provider
def test_no_breach_on_a_later_page_changes_anything(provider: str, trial: StartTrial) -> None:
    started = trial(provider, page_cap="200", new=430)
    for answer in (Answer(200, b"", JSON), json_answer(b"{}"), Answer(200, b"<p>", {"Content-Type": "text/html"})):
        started.fails(65, from_page(2, answer))
        started.fails(65, from_page(3, answer))
    started.recovers()


READABLE: dict[str, Fault] = {
    "called plain text": raw(lambda body: body, Content_Type="text/plain"),
    "called nothing": raw(lambda body: body, Content_Type=""),
    "called latin-1": raw(lambda body: body, Content_Type="application/json; charset=iso-8859-1"),
    "with a byte order mark": raw(lambda body: b"\xef\xbb\xbf" + body),
    "with blanks around": raw(lambda body: b"\r\n\t " + body + b"\n"),
    "zipped": lambda request, honest: replace(honest(request), gzip=True),
    "in chunks": lambda request, honest: replace(honest(request), chunked=True),
    "zipped and in chunks": lambda request, honest: replace(honest(request), gzip=True, chunked=True),
    "with an unknown key": bent(lambda page: page | {"warnings": ["deprecated"], "meta": {"data": []}}),
}


def test_a_readable_page_is_read_exactly_whatever_it_is_called(trial: StartTrial) -> None:
    started = trial("signalwire")
    for text, fault in enumerate(READABLE.values()):
        started.served.fake.change(started.newest()[0], error_message=f"Zoë – 日本 – 🧾 {text}")
        started.survives(fault)
