"""Faults on the wire: each turns a fake's honest answers into those of a provider that has a bad day."""

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
    """Has the server answer with the fault for as long as the block runs."""
    honest = served.server.answer
    served.server.answer = lambda request: fault(request, honest)
    try:
        yield
    finally:
        served.server.answer = honest


def always(answer: Answer) -> Fault:
    """This answer to every request."""
    return lambda request, honest: answer


def first(*answers: Answer) -> Fault:
    """These answers to the first requests of the block, in order; honest ones from then on."""
    left = list(answers)
    return lambda request, honest: left.pop(0) if left else honest(request)


def from_page(number: int, answer: Answer, times: int = 1_000_000) -> Fault:
    """This answer, so many times, from the page with this number (from 1) on."""
    seen, left = [0], [times]

    def fault(request: Request, honest: Honest) -> Answer:
        seen[0] += 1
        if seen[0] < number or not left[0]:
            return honest(request)
        left[0] -= 1
        return answer

    return fault


def bent(change: Callable[[Page], Any], pages: Callable[[int], bool] = lambda number: True) -> Fault:
    """Pages whose documents have been changed, those whose number (from 1) the condition names."""
    seen = [0]

    def fault(request: Request, honest: Honest) -> Answer:
        seen[0] += 1
        told = honest(request)
        if told.status != 200 or not pages(seen[0]):
            return told
        return changed(told, change)

    return fault


def raw(change: Callable[[bytes], bytes], **headers: str) -> Fault:
    """Bodies changed byte by byte, and headers of our own: `Content_Type="text/plain"`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}

    def fault(request: Request, honest: Honest) -> Answer:
        told = honest(request)
        return replace(told, body=change(told.body), headers={**told.headers, **named})

    return fault


def between_pages(mutate: Callable[[int], None]) -> Fault:
    """Honest pages, with the account changed after each of them; `mutate` is told the page's number, from 1."""
    seen = [0]

    def fault(request: Request, honest: Honest) -> Answer:
        told = honest(request)
        seen[0] += 1
        mutate(seen[0])
        return told

    return fault


def dated(ahead: timedelta) -> Fault:
    """The clock of a provider is that far ahead of the real one."""
    return raw(lambda body: body, Date=format_datetime(datetime.now(UTC) + ahead, usegmt=True))
