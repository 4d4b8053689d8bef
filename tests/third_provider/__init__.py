"""Telefact, an invented provider."""

from dlt.common.configuration import configspec
from dlt.common.typing import TSecretStrValue
from sources.telefact import api as api
from sources.telefact.columns import TRANSMISSIONS

from sources.http.client import Client
from sources.load.settings import SourceSettings

SECRETS = ("user", "key")
TABLE = TRANSMISSIONS


@configspec
class Settings(SourceSettings):
    """`[sources.telefact]`."""

    user: TSecretStrValue = ""
    key: TSecretStrValue = ""
    base_url: str = "https://telefact.example/v1"


def connect(settings: Settings) -> Client:
    """A client for one account."""
    return Client(settings.base_url, (settings.user, settings.key), "Telefact", settings.limits())
