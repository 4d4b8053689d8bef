"""A provider whose API has ended: which errors show this, and what the provider's folder advises."""

from types import ModuleType

from sources.errors import FaxSyncError, Moved, ProviderDown, Refused

FAILED_TO_REACH = (65, 75)  # exit codes of runs against a retired provider: redirect or 410, no answer
_GONE = 410
_DEFAULT_ADVICE = "check whether the provider has announced the end of this API"


def advice(package: ModuleType) -> str:
    """What to do if the provider's API has ended."""
    return getattr(package, "IF_GONE", _DEFAULT_ADVICE)


def advised(error: FaxSyncError, package: ModuleType) -> FaxSyncError:
    """The same error, with the advice added if it means that the API has ended or moved."""
    if _has_ended(error):
        error.advise(advice(package))
    return error


def is_out_of_reach(error: FaxSyncError) -> bool:
    """The provider gave no answer, or its answer means that the API has ended or moved."""
    return isinstance(error, ProviderDown) or _has_ended(error)


def _has_ended(error: FaxSyncError) -> bool:
    return isinstance(error, Moved) or (isinstance(error, Refused) and error.status == _GONE)
