"""The errors of a sync, grouped by what the operator must do.

    FaxSyncError                  names the account and what to do; never contains a secret or a phone number
    ├── ConfigError          78   something is missing or contradictory in the settings
    ├── AuthError            77   the provider refused the credentials or their scope, or wants a payment
    │   └── Forbidden        77   the credentials are right, and lack a scope
    ├── ContractError        65   the answer is not what the provider's documentation says
    │   ├── Refused          65   the provider answered 4xx; `document` holds its error body
    │   ├── Moved            65   the provider redirects elsewhere
    │   └── Incomplete       65   a window could not be proven complete
    ├── Unforeseen           70   an unexpected error: a fault of this program
    ├── WarehouseError       69   a person must fix the warehouse: denied, corrupt, in conflict
    ├── LocalError           74   local disk or memory
    ├── WrongUsage           64   the command line names what there is not, or an invoice that cannot be read
    └── TryAgain             75   the next run may succeed
        ├── Paused           75   the run has reached `--max-runtime`
        ├── ProviderDown     75   429, 5xx, time-outs, connection errors, after all retries
        └── Busy             75   the warehouse is in use
            └── AtWork       75   another run holds the lock

The numbers are the exit codes of `pipelines/sync.py`, as in sysexits(3).
"""

import errno
import re
from typing import Any

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # a full disk, a full quota, a limit on the size of a file
DENIED = (errno.EACCES, errno.EROFS, errno.EPERM)
_NUMBER = re.compile(r"\+\d{5,}(?=\d\d)")
_DIGITS = re.compile(r"\d{5,}(?=\d\d)")


class FaxSyncError(Exception):
    """An expected error, which the operator sees as one sentence without a traceback."""

    exit_code = 70
    outcome = "failed"  # of the run that it ends: failed, paused or skipped

    def __str__(self) -> str:
        """The sentence, with phone numbers masked to their last two digits: any text of a provider may contain one."""
        return _NUMBER.sub("+…", super().__str__())

    def advise(self, advice: str) -> None:
        """Appends advice on what to do to the sentence."""
        self.args = (f"{self.args[0]}: {advice}", *self.args[1:])

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickles the error as it is: an executor reports it to the driver."""
        return _unpickled, (type(self), self.args), vars(self)


def _unpickled(kind: type[FaxSyncError], arguments: tuple[Any, ...]) -> FaxSyncError:
    return kind.__new__(kind, *arguments)


class ConfigError(FaxSyncError):
    """A setting is missing or contradicts another. The message names it and where to set it."""

    exit_code = 78


class WrongUsage(FaxSyncError):
    """The command line names a provider, an account or a file that there is not, or the file cannot be used."""

    exit_code = 64


class AuthError(FaxSyncError):
    """The provider answered 401, 402 or 403. Never retried."""

    exit_code = 77


class Forbidden(AuthError):
    """The provider answered 403."""


class ContractError(FaxSyncError):
    """The answer is not what the documentation says. The message names the expected and the received shape."""

    exit_code = 65


def masked(name: str) -> str:
    """A provider's name of a field, with long numbers masked to their last two digits: one may be a phone number."""
    return _DIGITS.sub("…", name)


def shape(value: Any) -> str:
    """The kind of a JSON value, for a message that must not contain the value."""
    kinds = {type(None): "null", bool: "true or false", str: "text", list: "a list", dict: "an object"}
    return kinds.get(type(value), "a number")


class Refused(ContractError):
    """The provider answered a 4xx that is not transient.

    `document` is its parsed error body, or None. No message may quote it, because it may contain phone numbers.
    """

    def __init__(self, message: str, status: int, document: Any = None) -> None:
        super().__init__(message)
        self.status = status
        self.document = document


class Moved(ContractError):
    """The provider answered with a redirect, which is never followed."""


class Incomplete(ContractError):
    """A window could not be proven complete. The message names it, the faxes received and the faxes counted."""


class WarehouseError(FaxSyncError):
    """The warehouse refuses until a person acts: privileges, corruption, or tables of others with the same names."""

    exit_code = 69


class LocalError(FaxSyncError):
    """This machine ran out of disk or memory, or a directory cannot be written."""

    exit_code = 74


class Unforeseen(FaxSyncError):
    """An unexpected error. The message says where it was raised and does not quote its text."""

    exit_code = 70


class TryAgain(FaxSyncError):
    """The run ended early: run again later."""

    exit_code = 75


class Paused(TryAgain):
    """The run has reached `--max-runtime`. What it read is loaded, and the next run continues from there."""

    outcome = "paused"


class ProviderDown(TryAgain):
    """The provider limits the rate, fails or cannot be reached, after all retries within the budget.

    `retry_after` is the wait in seconds that the provider asked for, or None. `is_limit`: the answer was a 429.
    """

    retry_after: float | None = None
    is_limit: bool = False


class Busy(TryAgain):
    """Another run holds the lock, or the warehouse is in use."""


class AtWork(Busy):
    """Another run holds the lock, and loads the same faxes."""

    outcome = "skipped"
