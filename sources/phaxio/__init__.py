"""Phaxio v2: faxes with their recipients, tags and barcodes.

Source: https://www.phaxio.com/docs/api/v2/faxes/list_faxes, read November 2026.
"""

from dlt.common.configuration import configspec
from dlt.common.typing import TSecretStrValue

from sources.http.client import Client
from sources.load.settings import SourceSettings
from sources.phaxio import api as api
from sources.phaxio.columns import FAXES

SECRETS = ("api_key", "api_secret")
TABLE = FAXES
IF_GONE = (
    "Phaxio's operator moves its customers to the Sinch Fax API, and has published no date for the end of Phaxio's. "
    "That takes a new account, new credentials and weeks to port the numbers: see "
    "https://developers.sinch.com/docs/fax/v2-v3migration. What has been loaded stays in the warehouse"
)


@configspec
class Settings(SourceSettings):
    """`[sources.phaxio]`."""

    api_key: TSecretStrValue = ""
    api_secret: TSecretStrValue = ""
    base_url: str = "https://api.phaxio.com/v2"


def connect(settings: Settings) -> Client:
    """A client for one Phaxio account."""
    return Client(settings.base_url, (settings.api_key, settings.api_secret), "Phaxio", settings.limits())
