"""The errors of Delta tables and of their storage as a `FaxSyncError`. Executors use it, so it needs no dlt."""

import os

from deltalake.exceptions import DeltaError, DeltaProtocolError

from sources.errors import NO_ROOM, FaxSyncError, LocalError, WarehouseError

REMEDY = (
    "check that its storage can be reached; restore a damaged table from a backup, or else remove its directory "
    "and run sync.py --full-refresh"
)
_OF_ANOTHER_PROGRAM = (
    "another program has given the table a property that the sync cannot work with, such as deletion vectors, column "
    "mapping, delta.appendOnly or a constraint: remove it with that program, for example by alter table … drop feature"
)
_NAMES_A_PROPERTY = (  # in deltalake 1.6.6
    "Kernel error: Unsupported",
    "nsupported table features",
    "append-only",
    "failed validation check",
)


def to_fax_sync_error(error: BaseException) -> FaxSyncError | None:
    """The `FaxSyncError` for an error, without its text, which may quote values; None if no rule covers it."""
    if isinstance(error, FaxSyncError):
        return error
    if any(os.strerror(number) in str(error) for number in NO_ROOM):  # deltalake gives no number
        return LocalError("no space left on the disk of the Delta tables")
    if isinstance(error, (DeltaError, FileNotFoundError)):
        return WarehouseError(f"Delta refused ({type(error).__name__}) to read or write a table: {remedy(error)}")
    return None


def remedy(error: BaseException) -> str:
    """What to do about an error of Delta: the table is damaged, or has a property that the sync cannot use."""
    return _OF_ANOTHER_PROGRAM if names_property(error) else REMEDY


def names_property(error: BaseException) -> bool:
    """The table has a property of another program that the sync cannot work with."""
    return isinstance(error, DeltaProtocolError) or any(words in str(error) for words in _NAMES_A_PROPERTY)
