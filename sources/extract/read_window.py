"""The heart: what one window of one account holds, with its proof.

It knows no dlt, no warehouse and no clock. Its arguments and its result can be pickled, so that it runs in any process.
"""

from collections.abc import Iterator

from sources.extract.source import Source
from sources.extract.window_result import WindowResult, joined
from sources.extract.window_sizing import BoundSemantics
from sources.window import Window


def read_window(source: Source, window: Window, learnt: BoundSemantics | None = None) -> WindowResult:
    """The faxes created in the window; it is read in pieces where it holds more than one query lists.

    `learnt` is how the provider reads bounds; what this window shows of it is added there.

    Raises:
        AuthError, ProviderDown, ContractError: as the client and the provider's API raise them.
    """
    return joined(window, read_windows(source, window, learnt))


def read_windows(source: Source, window: Window, learnt: BoundSemantics | None = None) -> Iterator[WindowResult]:
    """The same piece by piece, in ascending order, so that no more than a few pieces are in memory."""
    client = source.connect()
    try:
        yield from source.walker(client, learnt).walk(window)
    finally:
        client.close()
