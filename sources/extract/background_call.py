"""Calls in background threads."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextvars import copy_context
from threading import Event, Thread
from typing import Generic, TypeVar

Result = TypeVar("Result")
IsWanted = Callable[[], bool]


class BackgroundCall(Generic[Result]):
    """A call whose result is needed later. The call gets a function that turns false once it is cancelled.

    After `start` it runs in a daemon thread, with a copy of the caller's context variables. Without `start`, it runs in
    the thread that asks for the result.
    """

    def __init__(self, call: Callable[[IsWanted], Result]) -> None:
        self._call = call
        self._cancelled = Event()
        self._thread: Thread | None = None
        self._result: list[Result] = []
        self._error: BaseException | None = None

    def start(self) -> None:
        """Starts the thread, once."""
        if self._thread is None:
            self._thread = Thread(target=copy_context().run, args=(self._run,), daemon=True)
            self._thread.start()

    def result(self) -> Result:
        """Waits for the call, and returns its result, or raises its error."""
        if self._thread is None:
            self._run()
        else:
            self._thread.join()
        if self._error is not None:
            raise self._error
        return self._result[0]

    def cancel(self) -> None:
        """Tells the call that its result is no longer needed; it may end early."""
        self._cancelled.set()

    def _run(self) -> None:
        try:
            self._result.append(self._call(lambda: not self._cancelled.is_set()))
        except BaseException as error:  # `result` raises it
            self._error = error


def in_parallel(calls: Iterable[Callable[[], Result]], concurrency: int) -> Iterator[Result]:
    """The results of the calls, in their order; `concurrency` of them run at the same time. An error is raised."""
    running: deque[BackgroundCall[Result]] = deque()
    for call in calls:
        background = BackgroundCall(lambda _, call=call: call())  # type: ignore[misc]  # mypy infers no type of a default
        if concurrency > 1:
            background.start()
        running.append(background)
        if len(running) >= concurrency:
            yield running.popleft().result()
    while running:
        yield running.popleft().result()
