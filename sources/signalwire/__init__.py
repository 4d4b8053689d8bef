"""SignalWire's fax logs as a dlt source, with the details of their charges.

Source: https://signalwire.com/docs/apis/rest/fax-logs/list-fax-logs, read November 2026.
"""

from datetime import datetime, timedelta

import dlt
from dlt.extract import DltResource

from sources.client import Client
from sources.learnt import Contract
from sources.limits import Limits
from sources.plan import Horizon
from sources.resources import fax_resources
from sources.run import Run
from sources.signalwire import api
from sources.signalwire.columns import FAX_LOGS

SECRETS = ("space", "project_id", "api_token")
TABLE = FAX_LOGS


@dlt.source(name="signalwire")
def source(
    run: Run,
    space: str = dlt.secrets.value,
    project_id: str = dlt.secrets.value,
    api_token: str = dlt.secrets.value,
    base_url: str = "https://{space}.signalwire.com/api",
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
    """The fax logs of one SignalWire project; arguments come from `[sources.signalwire]`."""
    url = base_url.replace("{space}", space)
    limits = Limits(
        retry_seconds=retry_seconds,
        connections=connections,
        requests_per_second=requests_per_second,
        ca_bundle=ca_bundle,
    )
    client = Client(url, (project_id, api_token), "SignalWire", limits)
    horizon = Horizon(
        start=start_date or api.EARLIEST,
        lookback=timedelta(days=lookback_days),
        reread=timedelta(days=reread_days),
        calls=reread_calls,
        contract=schema_contract,
    )
    return fax_resources(FAX_LOGS, client, api, run, horizon)
