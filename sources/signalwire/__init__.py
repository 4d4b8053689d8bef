"""SignalWire's fax logs, with the details of their charges.

Source: https://signalwire.com/docs/apis/rest/fax-logs/list-fax-logs, read November 2026.
"""

import re

from sources.errors import ConfigError
from sources.http.client import Client
from sources.load.settings import Secret, SourceSettings
from sources.signalwire import api as api
from sources.signalwire.columns import FAX_LOGS

TABLE = FAX_LOGS
IF_EMPTY = (
    "this project has no fax log. If it has sent or received faxes, SWML or RELAY scripts did so (send_fax, "
    "receive_fax): such faxes are in the voice logs, in the dashboard under Logs > Calling, and are not loaded. Look "
    "there, and check that project_id is that of the project with the faxes"
)


class Settings(SourceSettings, kw_only=True, frozen=True):
    """The settings under `[sources.signalwire]`.

    Raises:
        ConfigError: `space` is not only a space's name.
    """

    space: Secret = ""
    """The first part of `<space>.signalwire.com`."""
    project_id: Secret = ""
    """From the SignalWire dashboard > API."""
    api_token: Secret = ""
    """From the same page; it needs the scope Fax."""
    base_url: str = "https://{space}.signalwire.com/api"
    """Where SignalWire's API is."""

    def __post_init__(self) -> None:
        if re.fullmatch(r"[A-Za-z0-9-]+", self.space):
            return
        if name := re.match(r"(?:https?://)?([A-Za-z0-9-]+)\.signalwire\.com\b", self.space):
            raise ConfigError(f"setting space is the first part only: {name[1]}")
        raise ConfigError("setting space is the first part of <space>.signalwire.com only: a-z, 0-9 and -")


def connect(settings: Settings) -> Client:
    """A client for one SignalWire project."""
    url = settings.base_url.replace("{space}", settings.space)
    return Client(url, (settings.project_id, settings.api_token), "SignalWire", settings.limits())
