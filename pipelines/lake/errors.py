"""The errors of Delta tables and of their storage as a `FaxSyncError`. Executors use it, so it needs no dlt."""

import errno
import os

from deltalake.exceptions import DeltaError

from sources.errors import FaxSyncError, LocalError, WarehouseError

REMEDY = (
    "check that its storage can be reached; restore a damaged table from a backup, or else remove its directory "
    "and run sync.py --full-refresh"
)
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def to_fax_sync_error(error: BaseException) -> FaxSyncError | None:
    """The `FaxSyncError` for an error, without its text, which may quote values; None if no rule covers it."""
    if isinstance(error, FaxSyncError):
        return error
    if any(os.strerror(number) in str(error) for number in _NO_ROOM):  # deltalake gives no number
        return LocalError("no space left on the disk of the Delta tables")
    if isinstance(error, (DeltaError, FileNotFoundError)):
        return WarehouseError(f"Delta refused ({type(error).__name__}) to read or write a table: {REMEDY}")
    return None
