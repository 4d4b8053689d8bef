"""A provider whose API has ended: how that shows, and what its folder says to do about it."""

from types import ModuleType

from sources.errors import FaxSyncError, Moved, ProviderDown, Refused

FAILED_TO_REACH = (65, 75)  # the exit codes of runs that a retired provider ends: redirects and 410, and no answer
_GONE = 410
_WITHOUT_ADVICE = "see whether the provider has announced the end of this API"


def advice(package: ModuleType) -> str:
    """What to do if the provider has gone for good."""
    return getattr(package, "IF_GONE", _WITHOUT_ADVICE)


def advised(error: FaxSyncError, package: ModuleType) -> FaxSyncError:
    """The error; one that says that the API has ended or moved tells what to do."""
    if _has_ended(error):
        error.advise(advice(package))
    return error


def is_out_of_reach(error: FaxSyncError) -> bool:
    """The provider gave no answer, or one that says that the API has ended or moved."""
    return isinstance(error, ProviderDown) or _has_ended(error)


def _has_ended(error: FaxSyncError) -> bool:
    return isinstance(error, Moved) or (isinstance(error, Refused) and error.status == _GONE)
