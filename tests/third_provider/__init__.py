"""Telefact, an invented provider."""

from sources.telefact import api as api
from sources.telefact.columns import TRANSMISSIONS

from sources.http.client import Client
from sources.load.settings import BaseUrl, Secret, SourceSettings

TABLE = TRANSMISSIONS


class Settings(SourceSettings, kw_only=True, frozen=True):
    """`[sources.telefact]`."""

    user: Secret = ""
    key: Secret = ""
    base_url: BaseUrl = "https://telefact.example/v1"


def connect(settings: Settings) -> Client:
    """A client for one account."""
    return Client(settings.base_url, (settings.user, settings.key), "Telefact", settings.limits())
