"""What to do about an error of a provider: which settings to correct, or where to go if its API has ended."""

from pipelines.config.accounts import Account
from pipelines.config.declaration import secrets_of
from sources import provider
from sources.errors import AuthError, FaxSyncError, Moved, ProviderDown, Refused

FAILED_TO_REACH = (65, 75)  # exit codes of runs against a retired provider: redirect or 410, no answer
IN_THE_FILE = " in .dlt/secrets.toml"
_GONE = 410
_DEFAULT_ADVICE = "check whether the provider has announced the end of this API"


def advice(account: Account) -> str:
    """What to do if the API of the account's provider has ended."""
    return getattr(provider(account.provider), "IF_GONE", _DEFAULT_ADVICE)


def advised(error: FaxSyncError, account: Account) -> FaxSyncError:
    """The same error, with advice if the account's credentials are refused, or the API has ended or moved."""
    if isinstance(error, AuthError):
        error.advise(f"[{'.'.join(account.section)}] {', '.join(secrets_of(account.model))}{IN_THE_FILE}")
    elif _has_ended(error):
        error.advise(advice(account))
    return error


def is_out_of_reach(error: FaxSyncError) -> bool:
    """The provider gave no answer, or its answer means that the API has ended or moved."""
    return isinstance(error, ProviderDown) or _has_ended(error)


def _has_ended(error: FaxSyncError) -> bool:
    return isinstance(error, Moved) or (isinstance(error, Refused) and error.status == _GONE)
