"""Telefact, an invented provider, as a dlt source."""

from datetime import timedelta

import dlt
from dlt.extract import DltResource
from sources.telefact import api
from sources.telefact.columns import TRANSMISSIONS

from sources.client import Client
from sources.plan import Horizon
from sources.resources import fax_resources
from sources.run import Run

SECRETS = ("user", "key")
TABLE = TRANSMISSIONS


@dlt.source(name="telefact")
def source(
    run: Run,
    user: str = dlt.secrets.value,
    key: str = dlt.secrets.value,
    base_url: str = "https://telefact.example/v1",
    lookback_days: float = 3.0,
) -> list[DltResource]:
    """The transmissions of one account; arguments come from `[sources.telefact]`."""
    client = Client(base_url, (user, key), "Telefact")
    horizon = Horizon(api.EARLIEST, timedelta(days=lookback_days), timedelta(days=30), 100)
    return fax_resources(TRANSMISSIONS, client, api, run, horizon)
