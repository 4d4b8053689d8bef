"""Hides pandas from a command, where it is installed: DuckDB and Arrow import it at their first Python value.

Nothing here gives them a data frame, and the import is a third of a run with nothing new.
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from types import ModuleType


class _Hidden(MetaPathFinder):
    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:
        if fullname == "pandas":
            raise ModuleNotFoundError("pandas is not used here", name=fullname)


@contextmanager
def without_pandas() -> Iterator[None]:
    """An import of pandas fails inside the block, as where it is not installed."""
    finder = _Hidden()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
