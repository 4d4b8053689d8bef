"""The Delta tables of all providers below one URL, and the folder in which tasks stage files."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import pyarrow.fs as pafs
from dlt.common.schema import Schema

from pipelines.config.directory import local_directory
from pipelines.config.settings import SyncSettings
from pipelines.lake.errors import to_fax_sync_error
from pipelines.lake.loading import ProviderTables
from pipelines.lake.stored import LakeStored
from sources.errors import ConfigError
from sources.extract.source import Source

_STAGING = "_staging"


@dataclass(frozen=True)
class Lake:
    """The tables below `output`, a URL."""

    output: str

    @property
    def is_locked(self) -> bool:
        """The run holds the lock of a local directory, so that no other run writes to the tables."""
        return local_directory(self.output) is not None

    def tables(self, provider: str, listing: int = 0) -> ProviderTables:
        """The tables of a provider's list, by its number."""
        return ProviderTables(self.output, SyncSettings.read().schema, provider, _normalize, listing)

    def all_tables(self, provider: str) -> list[ProviderTables]:
        """The tables of each list of the provider."""
        return [self.tables(provider, listing) for listing in range(len(Source(provider).tables))]

    def stored(self, source: Source) -> LakeStored:
        """The stored faxes of the account, with the ledger of the list."""
        return LakeStored(self.tables(source.provider).root, source.account, source.table.ledger)

    @contextmanager
    def staging(self, run_id: str) -> Iterator[str]:
        """The URL of a new folder for the files of tasks. The end of the block deletes it.

        Raises:
            ConfigError: the output is neither a path nor a supported URL, or object storage lacks credentials.
            Busy: object storage cannot be reached.
            WarehouseError: it denies access.
        """
        try:
            filesystem, root = pafs.FileSystem.from_uri(self.output)
        except (ValueError, TypeError):
            raise ConfigError(
                "the place of the Delta tables must be a path or a URL such as s3://bucket/fax-lake"
            ) from None
        if self.is_locked:
            _remove(filesystem, f"{root}/{_STAGING}")  # of a killed run
        try:
            yield f"{self.output}/{_STAGING}/{run_id}"
        finally:
            _remove(filesystem, f"{root}/{_STAGING}/{run_id}")


@cache
def _naming() -> Any:
    return Schema("fax").naming


def _normalize(key: str) -> str:
    name: str = _naming().normalize_identifier(key)
    return name


def _remove(filesystem: Any, place: str) -> None:
    try:
        if filesystem.get_file_info(place).type == pafs.FileType.Directory:
            filesystem.delete_dir(place)
    except OSError as error:
        if known := to_fax_sync_error(error):
            raise known from error
        raise
