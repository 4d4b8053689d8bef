"""Detects that a provider ignores the bounds of a window, and finds a documented form of bounds that it applies."""

from collections.abc import Callable, Iterable
from datetime import datetime
from threading import Lock

from sources.errors import Refused
from sources.extract.page import HistoryLimit, NextPageRefused
from sources.extract.window_sizing import BoundForm, BoundSemantics
from sources.window import SECOND, Window

MAX_STRAY_PAGES = 10  # pages of one run with faxes of other times; more cannot be single misfiled records

FetchTimes = Callable[[BoundForm, Window], list[datetime]]


class FormChanged(Exception):
    """Bounds are now written in another form, so the window has to be read again."""


class BoundsIgnored(Exception):
    """The provider ignores bounds in every documented form, so the rest of the span has to be read as one window."""


class BoundForms:
    """The forms of bounds that a provider documents; `semantics` holds the current one.

    `fetch_times` returns the creation times on the first page with records, for a window whose bounds are written in a
    given form. `warn` receives each finding. Threads may share an instance.
    """

    def __init__(
        self,
        semantics: BoundSemantics,
        others: Iterable[BoundForm],
        fetch_times: FetchTimes,
        warn: Callable[[str], object],
    ) -> None:
        self._semantics, self._others, self._fetch_times, self._warn = semantics, list(others), fetch_times, warn
        self._lock = Lock()
        self._strays = 0
        self._probed: set[Window] = set()

    def check_strays(self, form: BoundForm, window: Window, strays: list[datetime]) -> None:
        """Checks bounds after a page of the window held `strays`, faxes of other times. Returns if bounds are applied.

        The provider may have filed a single record under a wrong time. So the check requests the time of one stray: if
        the provider ignores bounds, the same faxes come again.

        Raises:
            FormChanged: the provider applies bounds in another form.
            BoundsIgnored: the provider applies bounds in no form.
        """
        with self._lock:
            if self._semantics.ignored:
                raise BoundsIgnored
            if self._semantics.form is not form:
                raise FormChanged
            plausible = self._semantics.plausible_span(window)
            at = max(strays, key=lambda at: max(plausible.start - at, at - plausible.end))
            nearby = Window(at, at).widened(SECOND)
            self._strays += 1
            if self._strays <= MAX_STRAY_PAGES and self._has_faxes(form, nearby) is not None:
                return
            while self._others:
                other = self._others.pop(0)
                if self._has_faxes(other, window) is not None and self._has_faxes(other, nearby):
                    self._switch_to(other)
                    raise FormChanged
            self._semantics.ignored = True
            self._warn("the provider ignores bounds of creation time: its whole list is read instead")
            raise BoundsIgnored

    def find_working_form(self, span: Window) -> bool:
        """Switches to another form of bounds if only that form finds faxes in the span; true if it did.

        A provider may answer bounds that it does not understand with an empty page.
        """
        with self._lock:
            if span in self._probed or not self._others:
                return False
            self._probed.add(span)
            if self._times_if_accepted(self._semantics.form, span):
                return False
            for other in self._others:
                if any(at in span for at in self._times_if_accepted(other, span)):
                    self._others.remove(other)
                    self._switch_to(other)
                    return True
            return False

    def _has_faxes(self, form: BoundForm, window: Window) -> bool | None:
        """Whether the window has faxes; None if a fax of another time came, or the provider refuses the form."""
        try:
            times = self._fetch_times(form, window)
        except (Refused, NextPageRefused):
            return None
        plausible = BoundSemantics(form=form).plausible_span(window)
        return bool(times) if all(at in plausible for at in times) else None

    def _times_if_accepted(self, form: BoundForm, window: Window) -> list[datetime]:
        """The creation times of the window's first page; none if the provider refuses the form."""
        try:
            return self._fetch_times(form, window)
        except (Refused, NextPageRefused, HistoryLimit):
            return []

    def _switch_to(self, form: BoundForm) -> None:
        self._warn(f"the provider ignores bounds written as {self._semantics.form.name}: {form.name} are used")
        self._semantics.switch_to(form)
