"""Finding out in which form a provider heeds the bounds of a window, where its answers show that it may not."""

from collections.abc import Callable, Iterable
from datetime import datetime
from threading import Lock

from sources.errors import Refused
from sources.extract.page import ChainBroken, HistoryLimit
from sources.extract.window_sizing import BoundForm, BoundSemantics
from sources.window import SECOND, Window

MAX_STRAY_ANSWERS = 10  # of one run, with faxes of other times: more are no records that were filed wrongly

Look = Callable[[BoundForm, Window], list[datetime]]


class FormChanged(Exception):
    """Bounds are written in another form from now on: the window is to be read again."""


class BoundsIgnored(Exception):
    """The provider heeds bounds in no form that it documents: what is left is to be read as one."""


class BoundForms:
    """The forms of bounds that a provider documents; `semantics` says which one is used.

    `look` gives the creation times on the first page with records of a window, asked for in a form. `warn` is told
    what was found. Threads may share it.
    """

    def __init__(
        self, semantics: BoundSemantics, others: Iterable[BoundForm], look: Look, warn: Callable[[str], object]
    ) -> None:
        self._semantics, self._others, self._look, self._warn = semantics, list(others), look, warn
        self._lock = Lock()
        self._strays = 0
        self._sought: set[Window] = set()

    def question(self, form: BoundForm, window: Window, strays: list[datetime]) -> None:
        """An answer to the window, asked for in this form, held faxes of other times: returns if bounds are heeded.

        A record may be filed under another time than it tells. So the first to be asked for is the time of a stray:
        if bounds are ignored, the same faxes come again.

        Raises:
            FormChanged: they are heeded in another form.
            BoundsIgnored: they are heeded in none.
        """
        with self._lock:
            if self._semantics.ignored:
                raise BoundsIgnored
            if self._semantics.form is not form:
                raise FormChanged
            plausible = self._semantics.plausible(window)
            at = max(strays, key=lambda at: max(plausible.start - at, at - plausible.end))
            nearby = Window(at, at).widened(SECOND)
            self._strays += 1
            if self._strays <= MAX_STRAY_ANSWERS and self._finds(form, nearby) is not None:
                return
            while self._others:
                other = self._others.pop(0)
                if self._finds(other, window) is not None and self._finds(other, nearby):
                    self._use(other)
                    raise FormChanged
            self._semantics.ignored = True
            self._warn("the provider does not heed bounds of creation time: its whole list is read instead")
            raise BoundsIgnored

    def seek(self, span: Window) -> bool:
        """Whether bounds are to be written otherwise, because only so does anything come of the span.

        A provider may answer with an empty page to what it does not understand.
        """
        with self._lock:
            if span in self._sought or not self._others:
                return False
            self._sought.add(span)
            if self._times(self._semantics.form, span):
                return False
            for other in self._others:
                if any(at in span for at in self._times(other, span)):
                    self._others.remove(other)
                    self._use(other)
                    return True
            return False

    def _finds(self, form: BoundForm, window: Window) -> bool | None:
        """Whether there are faxes; None if the answer holds some of other times, or the form is refused."""
        try:
            times = self._look(form, window)
        except (Refused, ChainBroken):
            return None
        plausible = BoundSemantics(form=form).plausible(window)
        return bool(times) if all(at in plausible for at in times) else None

    def _times(self, form: BoundForm, window: Window) -> list[datetime]:
        try:
            return self._look(form, window)
        except (Refused, ChainBroken, HistoryLimit):
            return []

    def _use(self, form: BoundForm) -> None:
        self._warn(f"the provider does not heed bounds written as {self._semantics.form.name}: {form.name} are used")
        self._semantics.use(form)
