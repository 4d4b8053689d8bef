"""Calls that run in threads of their own, in the background."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextvars import copy_context
from threading import Event, Thread
from typing import Generic, TypeVar

Result = TypeVar("Result")
IsWanted = Callable[[], bool]


class BackgroundCall(Generic[Result]):
    """A call whose result is wanted later; it is told whether it still is, and may end early if it is not.

    It runs in a thread once it is started, else when its result is asked for. The thread ends with the process, and has
    the context of what started it.
    """

    def __init__(self, call: Callable[[IsWanted], Result]) -> None:
        self._call = call
        self._cancelled = Event()
        self._thread: Thread | None = None
        self._result: list[Result] = []
        self._error: BaseException | None = None

    def start(self) -> None:
        """Starts the thread, unless it has been started."""
        if self._thread is None:
            self._thread = Thread(target=copy_context().run, args=(self._run,), daemon=True)
            self._thread.start()

    def result(self) -> Result:
        """The result of the call, once it has ended; what the call raised is raised here."""
        if self._thread is None:
            self._run()
        else:
            self._thread.join()
        if self._error is not None:
            raise self._error
        return self._result[0]

    def cancel(self) -> None:
        """Tells the call that its result is not wanted any more."""
        self._cancelled.set()

    def _run(self) -> None:
        try:
            self._result.append(self._call(lambda: not self._cancelled.is_set()))
        except BaseException as error:  # raised again where the result is asked for
            self._error = error


def in_parallel(calls: Iterable[Callable[[], Result]], abreast: int) -> Iterator[Result]:
    """What the calls return, in their order, with so many of them under way at a time; what one raises is raised."""
    under_way: deque[BackgroundCall[Result]] = deque()
    for call in calls:
        background = BackgroundCall(lambda _, call=call: call())  # type: ignore[misc]  # mypy infers no type of a default
        if abreast > 1:
            background.start()
        under_way.append(background)
        if len(under_way) >= abreast:
            yield under_way.popleft().result()
    while under_way:
        yield under_way.popleft().result()
