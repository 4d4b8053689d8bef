"""Sinch's Fax API, version 3: faxes of one project, with their labels and prices.

Source: https://developers.sinch.com/docs/fax/api-reference/, read November 2026.
"""

from typing import Literal

from sources.http.client import Client
from sources.http.oauth2 import ClientCredentials
from sources.load.settings import Secret, SourceSettings
from sources.sinch import api as api
from sources.sinch.columns import FAXES

TABLE = FAXES
NAMES_ACCOUNT = ("project_id",)  # a project may have several keys
BILLING_ZONE = "UTC"  # assumed: not documented; the instants of its API are in UTC


class Settings(SourceSettings, kw_only=True, frozen=True):
    """The settings under `[sources.sinch]`."""

    project_id: Secret = ""
    """From the Sinch dashboard > Settings > Access keys."""
    key_id: Secret = ""
    """The id of an access key, from the same page."""
    key_secret: Secret = ""
    """The secret of this key, which the page shows once."""
    auth: Literal["basic", "oauth2"] = "basic"
    """How requests are authorized: with the key, or with a token that is requested with it (oauth2)."""
    base_url: str = "https://fax.api.sinch.com/v3/projects/{project_id}"
    """Where Sinch's API is."""
    auth_url: str = "https://auth.sinch.com/oauth2/token"
    """Where tokens are requested, with oauth2."""


def connect(settings: Settings) -> Client:
    """A client for one Sinch project."""
    key, limits = (settings.key_id, settings.key_secret), settings.limits()
    auth = ClientCredentials(settings.auth_url, key, "Sinch", limits) if settings.auth == "oauth2" else key
    return Client(settings.base_url.replace("{project_id}", settings.project_id), auth, "Sinch", limits)
