"""Faults on the wire: each replaces the honest responses of a fake."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

from sources.fakes.server import Answer, Request
from tests.conftest import Served
from tests.support.faults.wire import changed

Honest = Callable[[Request], Answer]
Fault = Callable[[Request, Honest], Answer]
Page = dict[str, Any]
UNAVAILABLE = Answer(503, b"unavailable")


@contextmanager
def broken(served: Served, fault: Fault) -> Iterator[None]:
    """Makes the server answer with the fault during the block."""
    honest = served.server.answer
    served.server.answer = lambda request: fault(request, honest)
    try:
        yield
    finally:
        served.server.answer = honest


def always(answer: Answer) -> Fault:
    """The same response to every request."""
    return lambda request, honest: answer


def first(*answers: Answer) -> Fault:
    """These responses to the first requests of the block, in order; then honest ones."""
    left = list(answers)
    return lambda request, honest: left.pop(0) if left else honest(request)


def from_page(number: int, answer: Answer, times: int = 1_000_000) -> Fault:
    """This response, `times` times, from the page with this number (from 1) on."""
    seen, left = [0], [times]

    def fault(request: Request, honest: Honest) -> Answer:
        seen[0] += 1
        if seen[0] < number or not left[0]:
            return honest(request)
        left[0] -= 1
        return answer

    return fault


def bent(change: Callable[[Page], Any], pages: Callable[[int], bool] = lambda number: True) -> Fault:
    """Changes the documents of the pages whose number (from 1) fulfils the condition."""
    seen = [0]

    def fault(request: Request, honest: Honest) -> Answer:
        seen[0] += 1
        told = honest(request)
        if told.status != 200 or not pages(seen[0]):
            return told
        return changed(told, change)

    return fault


def raw(change: Callable[[bytes], bytes], **headers: str) -> Fault:
    """Changes the bytes of bodies, and sets headers: `Content_Type="text/plain"`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}

    def fault(request: Request, honest: Honest) -> Answer:
        told = honest(request)
        return replace(told, body=change(told.body), headers={**told.headers, **named})

    return fault


def between_pages(mutate: Callable[[int], None]) -> Fault:
    """Honest pages. After each page, `mutate` changes the account; it gets the page's number, from 1."""
    seen = [0]

    def fault(request: Request, honest: Honest) -> Answer:
        told = honest(request)
        seen[0] += 1
        mutate(seen[0])
        return told

    return fault


def dated(ahead: timedelta) -> Fault:
    """The provider's clock is `ahead` of the real one."""
    return raw(lambda body: body, Date=format_datetime(datetime.now(UTC) + ahead, usegmt=True))
