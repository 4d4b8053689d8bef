"""A directory of Delta tables as a warehouse that a test fills, reached like the others: read by DuckDB."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar


@dataclass(frozen=True)
class Lake:
    """Delta tables below a directory."""

    path: Path
    kind: ClassVar = "delta"

    def settings(self) -> dict[str, str]:
        """The environment that has a run load into them."""
        return {
            "DESTINATION__WAREHOUSE__DESTINATION_TYPE": "filesystem",
            "DESTINATION__WAREHOUSE__TABLE_FORMAT": "delta",
            "DESTINATION__WAREHOUSE__BUCKET_URL": self.path.as_uri(),
        }

    def is_there(self) -> bool:
        """A run has got so far as to make the directory."""
        return self.path.exists()

    @contextmanager
    def opened(self) -> Iterator[Any]:
        """A connection that reads all tables and views, as they are when it is opened."""
        from pipelines.lake.engine_views import connect  # an extra, that may not be there

        with connect(self.path.as_uri()) as connection:
            yield connection

    def commits(self) -> int:
        """How many commits all tables have had."""
        return len([*self.path.glob("fax_*/*/_delta_log/*.json")])
