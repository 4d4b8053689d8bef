"""SignalWire's fax logs, with the details of their charges, and the outcome of each fax by the Compatibility API.

Sources: https://signalwire.com/docs/apis/rest/fax-logs/list-fax-logs and
https://signalwire.com/docs/compatibility-api/rest/faxes/list-all-faxes, read November 2026.
"""

import re

from msgspec.structs import force_setattr

from sources.errors import ConfigError
from sources.extract.source import Listing
from sources.http.client import Client
from sources.load.settings import Secret, SourceSettings
from sources.signalwire import api as api
from sources.signalwire import compat
from sources.signalwire.columns import COMPAT_FAXES, FAX_LOGS

NAMES_ACCOUNT = ("space", "project_id")  # a project may have several tokens
TABLE = FAX_LOGS
FURTHER = (Listing(COMPAT_FAXES, compat, setting="compat_faxes"),)
BILLING_ZONE = "UTC"  # assumed: not documented; the instants of its API are in UTC
_SPACE = re.compile(r"(?i)(?:https?://)?(?P<name>[a-z0-9-]+)(?:\.signalwire\.com(?:[:/?#].*)?)?")
IF_EMPTY = (
    "this project has no fax log. If it has sent or received faxes, SWML or RELAY scripts did so (send_fax, "
    "receive_fax): such faxes are in the voice logs, in the dashboard under Logs > Calling, and are not loaded. Look "
    "there, and check that project_id is that of the project with the faxes"
)


class Settings(SourceSettings, kw_only=True, frozen=True):
    """The settings under `[sources.signalwire]`.

    Raises:
        ConfigError: `space` is not a space.
    """

    space: Secret = ""
    """The first part of `<space>.signalwire.com`, or the whole address."""
    project_id: Secret = ""
    """From the SignalWire dashboard > API."""
    api_token: Secret = ""
    """From the same page; it needs the scope Fax."""
    base_url: str = "https://{space}.signalwire.com/api"
    """Where SignalWire's API is."""
    compat_faxes: bool = True
    """Reads the faxes of the Compatibility API too, which has the outcome of each; one request more a run at least."""

    def __post_init__(self) -> None:
        if not (written := _SPACE.fullmatch(self.space)):
            raise ConfigError('setting space must be the name in front of .signalwire.com, such as "acme"')
        force_setattr(self, "space", written["name"].lower())


def connect(settings: Settings) -> Client:
    """A client for one SignalWire project."""
    url = settings.base_url.replace("{space}", settings.space)
    return Client(url, (settings.project_id, settings.api_token), "SignalWire", settings.limits())
