"""The errors of Delta tables and of their storage as a `FaxSyncError`. Executors use it, so it needs no dlt."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

from deltalake.exceptions import DeltaError, DeltaProtocolError

from pipelines.outcome.scarcity import scarcity
from sources.errors import DENIED, NO_ROOM, Busy, ConfigError, FaxSyncError, LocalError, WarehouseError

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
_OBJECT_STORAGE = re.compile(r"Error performing |AWS Error ")  # in the texts of deltalake 1.6.6 and of pyarrow
_METADATA_SERVER = "//169.254.169.254/"  # asked for a role of the machine if the environment has no key
_NO_BUCKET = re.compile(r"NoSuchBucket|NO_SUCH_BUCKET")
_DENIED = re.compile(
    r"\b40[13] [A-Z]|lacked the necessary privileges|ACCESS_DENIED|HTTP status 40[13]|INVALID_ACCESS_KEY_ID|"
    r"SIGNATURE_DOES_NOT_MATCH|REQUEST_TIME_TOO_SKEWED|EXPIRED_TOKEN|ExpiredToken"
)
_TRANSIENT = re.compile(
    r"error sending request|NETWORK_CONNECTION|\b(?:429|5\d\d) [A-Z]|HTTP status (?:429|5\d\d)|SLOW_DOWN|THROTTLING|"
    r"INTERNAL_FAILURE|SERVICE_UNAVAILABLE|REQUEST_TIMEOUT"
)
_MISSING = re.compile(r"NoSuchKey|NO_SUCH_KEY|RESOURCE_NOT_FOUND|\b404 [A-Z]|HTTP status 404|not found")
_PATH = re.compile(r"(?:open file|directory:?) '?(/[^\n']*?)(?:#\d+)?(?:'|: |\n|$)")


class PanicException(Exception):
    """A panic of deltalake's Rust code. Rust's own class is no `Exception`, and would end the run of all accounts."""


@contextmanager
def panics_as_errors() -> Iterator[None]:
    """Raises a panic of the block, or of the decorated function, as an ordinary error of the same name."""
    try:
        yield
    except BaseException as error:
        if not isinstance(error, Exception) and type(error).__name__ == PanicException.__name__:
            raise PanicException(*error.args) from error
        raise


def to_fax_sync_error(error: BaseException) -> FaxSyncError | None:
    """The `FaxSyncError` for an error, without its text, which may quote values; None if no rule covers it."""
    if isinstance(error, FaxSyncError):
        return error
    if local := scarcity(error):
        return local
    if isinstance(error, OSError) and error.filename and error.errno in (*NO_ROOM, *DENIED):
        return None  # of this machine, for the rules that name the file
    if of_storage := _of_storage(str(error)):
        return of_storage
    is_of_storage = type(error) is OSError and error.errno is None  # as deltalake raises it
    if is_of_storage or isinstance(error, (DeltaError, FileNotFoundError)):
        return WarehouseError(f"Delta refused ({type(error).__name__}) to read or write a table: {remedy(error)}")
    return None


def unreadable(uri: str, error: BaseException) -> FaxSyncError:
    """The error of a table that cannot be read, by its URL."""
    return scarcity(error) or _of_storage(str(error)) or WarehouseError(f"{uri} cannot be read: {remedy(error)}")


def _of_storage(text: str) -> FaxSyncError | None:
    """A full disk, a mode that denies access, or object storage that does, by the text: deltalake gives no number."""
    if _OBJECT_STORAGE.search(text):
        return _of_object_storage(text)
    if any(os.strerror(number) in text for number in NO_ROOM):
        return LocalError("no space left on the disk of the Delta tables")
    if any(os.strerror(number) in text for number in DENIED):
        path = found[1] if (found := _PATH.search(text)) else "a file of the Delta tables"
        return LocalError(f"{path} cannot be opened: check its owner and its mode, and those of its directory")
    return None


def _of_object_storage(text: str) -> FaxSyncError | None:
    """Why object storage cannot be used; None if it answered that a file is missing."""
    if _METADATA_SERVER in text:
        return ConfigError(
            "there are no credentials for the object storage of the Delta tables, and the machine was given none: set "
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give it a role; if it has one, run again"
        )
    if _NO_BUCKET.search(text):
        return ConfigError("the bucket of the Delta tables does not exist: correct bucket_url, or create the bucket")
    if _DENIED.search(text):
        return WarehouseError(
            "the object storage of the Delta tables denies access: check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and "
            "AWS_REGION, and that they may list, read, write and delete there"
        )
    if _TRANSIENT.search(text):
        return Busy("the object storage of the Delta tables cannot be reached, or is busy: run again later")
    if _MISSING.search(text):
        return None
    return WarehouseError("the object storage of the Delta tables refused a request: check it, and its credentials")


def remedy(error: BaseException) -> str:
    """What to do about an error of Delta: the table is damaged, or has a property that the sync cannot use."""
    return _OF_ANOTHER_PROGRAM if names_property(error) else REMEDY


def names_property(error: BaseException) -> bool:
    """The table has a property of another program that the sync cannot work with."""
    return isinstance(error, DeltaProtocolError) or any(words in str(error) for words in _NAMES_A_PROPERTY)
