"""SignalWire's fax logs as a dlt source, with the details of their charges.

Source: https://signalwire.com/docs/apis/rest/fax-logs/list-fax-logs, read November 2026.
"""

import dlt
from dlt.common.configuration import configspec
from dlt.common.typing import TSecretStrValue
from dlt.extract import DltResource

from sources.client import Client
from sources.resources import fax_resources
from sources.run import Run
from sources.settings import SourceSettings
from sources.signalwire import api
from sources.signalwire.columns import FAX_LOGS

SECRETS = ("space", "project_id", "api_token")
TABLE = FAX_LOGS


@configspec
class Settings(SourceSettings):
    """`[sources.signalwire]`."""

    space: TSecretStrValue = ""
    project_id: TSecretStrValue = ""
    api_token: TSecretStrValue = ""
    base_url: str = "https://{space}.signalwire.com/api"


@dlt.source(name="signalwire")
def source(run: Run, settings: Settings) -> list[DltResource]:
    """The fax logs of one SignalWire project."""
    url = settings.base_url.replace("{space}", settings.space)
    client = Client(url, (settings.project_id, settings.api_token), "SignalWire", settings.limits())
    return fax_resources(FAX_LOGS, client, api, run, settings.horizon(api.EARLIEST))
