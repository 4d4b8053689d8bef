"""A directory of Delta tables as a warehouse, with the interface of the others. DuckDB reads it."""

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
        """The environment of a run that loads into them."""
        return {
            "DESTINATION__WAREHOUSE__DESTINATION_TYPE": "filesystem",
            "DESTINATION__WAREHOUSE__TABLE_FORMAT": "delta",
            "DESTINATION__WAREHOUSE__BUCKET_URL": self.path.as_uri(),
        }

    def is_there(self) -> bool:
        """A run has created the directory."""
        return self.path.exists()

    @contextmanager
    def opened(self) -> Iterator[Any]:
        """A connection to the current versions of all tables and views."""
        from pipelines.lake.engine_views import connect  # an extra, that may not be there

        with connect(self.path.as_uri()) as connection:
            yield connection

    def commits(self) -> int:
        """The number of commits of all tables."""
        return len([*self.path.glob("fax_*/*/_delta_log/*.json")])
