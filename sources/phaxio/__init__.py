"""Phaxio v2: faxes with their recipients, tags and barcodes.

Source: https://www.phaxio.com/docs/api/v2/faxes/list_faxes, read November 2026.
"""

from sources.http.client import Client
from sources.load.settings import Secret, SourceSettings
from sources.phaxio import api as api
from sources.phaxio.columns import FAXES

TABLE = FAXES
BILLING_ZONE = api.MONTH_ZONES[0]  # assumed, as there: Phaxio documents no time zone of its months
IF_GONE = (
    "Phaxio's operator moves its customers to the Sinch Fax API, and has published no date for the end of Phaxio's. "
    "The move takes a new account, new credentials and weeks to port the numbers: see "
    "https://developers.sinch.com/docs/fax/v2-v3migration and docs/moving-from-phaxio.md. The loaded faxes stay in the "
    "warehouse"
)


class Settings(SourceSettings, kw_only=True, frozen=True):
    """The settings under `[sources.phaxio]`."""

    api_key: Secret = ""
    """From Phaxio console > API keys; test keys see test faxes only."""
    api_secret: Secret = ""
    """From the same page."""
    base_url: str = "https://api.phaxio.com/v2"
    """Where Phaxio's API is."""


def connect(settings: Settings) -> Client:
    """A client for one Phaxio account."""
    return Client(settings.base_url, (settings.api_key, settings.api_secret), "Phaxio", settings.limits())
