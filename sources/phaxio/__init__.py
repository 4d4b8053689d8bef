"""Phaxio v2 as a dlt source: faxes with their recipients, tags and barcodes.

Source: https://www.phaxio.com/docs/api/v2/faxes/list_faxes, read November 2026.
"""

from datetime import datetime, timedelta

import dlt
from dlt.extract import DltResource

from sources.client import Client
from sources.learnt import Contract
from sources.limits import Limits
from sources.phaxio import api
from sources.phaxio.columns import FAXES
from sources.plan import Horizon
from sources.resources import fax_resources
from sources.run import Run

SECRETS = ("api_key", "api_secret")
TABLE = FAXES


@dlt.source(name="phaxio")
def source(
    run: Run,
    api_key: str = dlt.secrets.value,
    api_secret: str = dlt.secrets.value,
    base_url: str = "https://api.phaxio.com/v2",
    start_date: datetime | None = None,
    lookback_days: float = 3.0,
    reread_days: float = 30.0,
    reread_calls: int = 100,
    schema_contract: Contract = "evolve",
    retry_seconds: float = 120.0,
    connections: int = 4,
    requests_per_second: float = 0.0,
    ca_bundle: str = "",
) -> list[DltResource]:
    """The faxes of one Phaxio account; arguments come from `[sources.phaxio]`."""
    limits = Limits(
        retry_seconds=retry_seconds,
        connections=connections,
        requests_per_second=requests_per_second,
        ca_bundle=ca_bundle,
    )
    client = Client(base_url, (api_key, api_secret), "Phaxio", limits)
    horizon = Horizon(
        start=start_date or api.EARLIEST,
        lookback=timedelta(days=lookback_days),
        reread=timedelta(days=reread_days),
        calls=reread_calls,
        contract=schema_contract,
    )
    return fax_resources(FAXES, client, api, run, horizon)
