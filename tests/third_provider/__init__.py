"""Telefact, an invented provider."""

from sources.telefact import api as api
from sources.telefact import receipts
from sources.telefact.columns import RECEIPTS, TRANSMISSIONS

from sources.extract.source import Listing
from sources.http.client import Client
from sources.load.settings import Secret, SourceSettings

TABLE = TRANSMISSIONS
FURTHER = (Listing(RECEIPTS, receipts, setting="receipts"),)
BILLING_ZONE = "UTC"


class Settings(SourceSettings, kw_only=True, frozen=True):
    """`[sources.telefact]`."""

    user: Secret = ""
    """The user of the API."""
    key: Secret = ""
    """The key of the API."""
    receipts: bool = True
    """Reads the list of receipts too."""
    base_url: str = "https://telefact.example/v1"
    """Where Telefact's API is."""


def connect(settings: Settings) -> Client:
    """A client for one account."""
    return Client(settings.base_url, (settings.user, settings.key), "Telefact", settings.limits())
