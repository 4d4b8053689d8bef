"""The source of one account: its provider, its settings, and the calls that read it. A source can be pickled."""

import logging
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, NamedTuple, Protocol

import sources
from sources.errors import ConfigError
from sources.extract.page import Balance, MonthCount, Page
from sources.extract.window_reader import WindowReader
from sources.extract.window_sizing import BoundForm, BoundSemantics
from sources.extract.window_walker import Walker
from sources.http.client import Client
from sources.records.privacy import KEEP, Privacy
from sources.records.schema import Record, Table
from sources.window import Window, rfc3339

LOG = logging.getLogger("fax-sync")


class Api(Protocol):
    """What a provider's `api.py` offers."""

    EARLIEST: datetime
    WIDEST_WINDOW: timedelta
    BOUND_FORMS: tuple[BoundForm, ...]

    def fetch_pages(self, client: Client, window: Window, form: BoundForm = ...) -> Iterator[Page]:
        """The pages of faxes created in the window. `form` is one of `BOUND_FORMS`; by default the first."""

    def fetch_fax(self, client: Client, fax_id: Any) -> Record | None:
        """One fax by its id; None if the provider no longer has it."""


class Listing(NamedTuple):
    """A list of the provider that is read in windows: the table of its records, and the API that reads it.

    `setting` is the name of the provider's setting that turns the list off; None without one.
    """

    table: Table
    api: Api
    setting: str | None = None


@dataclass(frozen=True)
class Source:
    """One account: its provider and name, the provider's `Settings` with the credentials, and the privacy settings.

    `listing` is the number of the provider's list that is read; 0 is the list of faxes.
    """

    provider: str
    account: str = "default"
    settings: Any = field(default=None, repr=False)
    privacy: Privacy = KEEP
    listing: int = 0

    @property
    def table(self) -> Table:
        """The table of the list."""
        return self._listings[self.listing].table

    @property
    def api(self) -> Api:
        """The API that reads the list."""
        return self._listings[self.listing].api

    @property
    def tables(self) -> list[Table]:
        """The tables of all lists of the provider; the table of the faxes first."""
        return [listing.table for listing in self._listings]

    def further_lists(self) -> "list[Source]":
        """The sources of the same account for the lists after this one, without those that a setting turns off."""
        return [
            replace(self, listing=number)
            for number, listing in enumerate(self._listings)
            if number > self.listing and (listing.setting is None or getattr(self.settings, listing.setting))
        ]

    @property
    def setting(self) -> str | None:
        """The name of the setting that turns the list off; None without one."""
        return self._listings[self.listing].setting

    @property
    def _listings(self) -> tuple[Listing, ...]:
        package = sources.provider(self.provider)
        return (Listing(package.TABLE, package.api), *getattr(package, "FURTHER", ()))

    def require_time(self, now: datetime) -> None:
        """Checks that `now` (UTC) is after the provider's first fax: a machine may lose the time while it is off.

        Raises:
            ConfigError: it is before.
        """
        if now < self.api.EARLIEST:
            raise ConfigError(f"the clock says {rfc3339(now)}, before the provider existed: set the clock")

    def connect(self, deadline: float = math.inf) -> Client:
        """A client with the account's credentials. It connects at the first request.

        The run should end by the `deadline`, in seconds of the monotonic clock.
        """
        client: Client = sources.provider(self.provider).connect(self.settings)
        client.end_by(deadline)
        return client

    def walker(self, client: Client, warn: Callable[[str], object] = lambda text: None) -> Walker:
        """The walker of this account. `warn` receives each finding about how the provider reads bounds."""
        first, *others = self.api.BOUND_FORMS
        reader = WindowReader(
            partial(self._fetch_pages, client),
            self.table,
            self.account,
            self.privacy.of(self.table),
            BoundSemantics(form=first),
            {form: partial(self._fetch_pages, client, form=form) for form in others},
            warn,
        )
        return Walker(reader, self.api.WIDEST_WINDOW, client.connections)

    def fetch_fax(self, client: Client, fax_id: Any) -> Record | None:
        """One fax by its id, after the privacy settings; None if the provider no longer has it."""
        fax = self.api.fetch_fax(client, fax_id)
        return self.privacy.of(self.table)(self.table.shaped(fax)) if fax else fax

    def history_start(self, now: datetime) -> datetime:
        """The creation time (UTC) from which the provider keeps faxes at `now`, as far as that is known in advance."""
        floor: Callable[[datetime], datetime] | None = getattr(self.api, "history_floor", None)
        return floor(now) if floor else self.api.EARLIEST

    def count_this_month(self, client: Client, now: datetime) -> MonthCount | None:
        """The provider's own count of the faxes of the current month; None if it offers none."""
        count: Callable[[Client, datetime], MonthCount] | None = getattr(self.api, "count_this_month", None)
        return count(client, now) if count else None

    def balance(self, client: Client) -> Balance | None:
        """The account's balance now; None if the provider offers none, or the request fails."""
        fetch = getattr(self.api, "fetch_balance", None)
        if fetch is None:
            return None
        try:
            return Balance(fetch(client), client.server_time())
        except Exception:  # the faxes are loaded; a missing balance must not fail the run
            LOG.debug("%s/%s: the balance could not be read", self.provider, self.account, exc_info=True)
            return None

    def _fetch_pages(self, client: Client, window: Window, form: BoundForm | None = None) -> Iterator[Page]:
        shaped = self.table.shaped
        return (page.mapped(shaped) for page in self.api.fetch_pages(client, window, form or self.api.BOUND_FORMS[0]))
