"""What can go wrong in a sync, sorted by what the operator should do about it.

    FaxSyncError                  names the account and what to do; never holds a secret or a phone number
    ├── ConfigError          78   something is missing or contradictory in the settings
    ├── AuthError            77   the provider refused the credentials, or their scope
    ├── ContractError        65   the answer is not what the provider's documentation says
    │   ├── Refused          65   the provider answered 4xx; `document` holds its error body
    │   ├── Moved            65   the provider redirects elsewhere
    │   └── Incomplete       65   a window could not be proven complete
    ├── Unforeseen           70   an error that no code expects: a fault of this program
    ├── WarehouseError       69   the warehouse needs hands: denied, corrupt, in conflict
    ├── LocalError           74   local disk or memory
    └── TryAgain             75   nothing to mend, the next run may work
        ├── ProviderDown     75   429, 5xx, time-outs, resets, after all retries
        └── Busy             75   the warehouse is in use
            └── AtWork       75   another run holds the lock

The numbers are the exit codes of `pipelines/sync.py`, as in sysexits(3).
"""

import re
from typing import Any

_NUMBER = re.compile(r"\+\d{5,}(?=\d\d)")


class FaxSyncError(Exception):
    """A foreseeable failure, told to the operator as one sentence without a traceback."""

    exit_code = 70

    def __str__(self) -> str:
        """The sentence, with phone numbers masked to their last two digits: a provider may have put one anywhere."""
        return _NUMBER.sub("+…", super().__str__())

    def advise(self, advice: str) -> None:
        """Adds to the sentence what to do."""
        self.args = (f"{self.args[0]}: {advice}", *self.args[1:])


class ConfigError(FaxSyncError):
    """A setting is missing or contradicts another; the message says which and where to set it."""

    exit_code = 78


class AuthError(FaxSyncError):
    """The provider answered 401 or 403. Never retried."""

    exit_code = 77


class ContractError(FaxSyncError):
    """The answer is not what the documentation says; the message tells what was expected and the shape that came."""

    exit_code = 65


def shape(value: Any) -> str:
    """What kind of JSON a value is, without the value: fit for a message."""
    kinds = {type(None): "null", bool: "true or false", str: "text", list: "a list", dict: "an object"}
    return kinds.get(type(value), "a number")


class Refused(ContractError):
    """The provider answered a 4xx that no retry can mend.

    `document` is its parsed error body, or None; it may hold phone numbers, so it belongs in no message.
    """

    def __init__(self, message: str, status: int, document: Any = None) -> None:
        super().__init__(message)
        self.status = status
        self.document = document


class Moved(ContractError):
    """The provider answered with a redirect, which is never followed."""


class Incomplete(ContractError):
    """A window could not be proven complete; the message says which, how many faxes came and how many were claimed."""


class WarehouseError(FaxSyncError):
    """The warehouse refused, and will until somebody acts: privileges, corruption, foreign tables of our names."""

    exit_code = 69


class LocalError(FaxSyncError):
    """This machine ran out of disk or memory, or a directory cannot be written."""

    exit_code = 74


class Unforeseen(FaxSyncError):
    """An error that no code expects; the message says where it arose, and nothing of what it says itself."""

    exit_code = 70


class TryAgain(FaxSyncError):
    """A passing trouble: run again later."""

    exit_code = 75


class ProviderDown(TryAgain):
    """The provider is limiting, failing or out of reach, after every retry that the budget allowed.

    `retry_after`: seconds the provider asked for, or None. `is_limit`: it limits the rate, and is well otherwise.
    """

    retry_after: float | None = None
    is_limit: bool = False


class Busy(TryAgain):
    """Another run holds the lock, or the warehouse is in use."""


class AtWork(Busy):
    """Another run holds the lock: all is in order."""
