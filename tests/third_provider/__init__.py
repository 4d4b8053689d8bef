"""Telefact, an invented provider, as a dlt source."""

import dlt
from dlt.common.configuration import configspec
from dlt.common.typing import TSecretStrValue
from dlt.extract import DltResource
from sources.telefact import api
from sources.telefact.columns import TRANSMISSIONS

from sources.http.client import Client
from sources.load.resources import fax_resources
from sources.load.run import Run
from sources.load.settings import SourceSettings

SECRETS = ("user", "key")
TABLE = TRANSMISSIONS


@configspec
class Settings(SourceSettings):
    """`[sources.telefact]`."""

    user: TSecretStrValue = ""
    key: TSecretStrValue = ""
    base_url: str = "https://telefact.example/v1"


@dlt.source(name="telefact")
def source(run: Run, settings: Settings) -> list[DltResource]:
    """The transmissions of one account."""
    client = Client(settings.base_url, (settings.user, settings.key), "Telefact", settings.limits())
    return fax_resources(TRANSMISSIONS, client, api, run, settings.horizon(api.EARLIEST))
