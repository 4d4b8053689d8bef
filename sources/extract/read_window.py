"""The central function: the faxes of one window of one account, with a proof that none is missing.

It uses no dlt, no warehouse and no clock. Its arguments and its result can be pickled, so it runs in any process.
"""

from collections.abc import Iterator

from sources.extract.source import Source
from sources.extract.window_result import WindowResult, merge_results
from sources.extract.window_sizing import BoundSemantics
from sources.window import Window


def read_window(source: Source, window: Window, semantics: BoundSemantics | None = None) -> WindowResult:
    """The faxes created in the window. A window with more faxes than one query lists is read in pieces.

    `semantics` says how the provider reads bounds; this call adds what its pages show.

    Raises:
        AuthError: the provider refuses the credentials.
        ProviderDown: the provider fails, or limits the rate, after all retries.
        ContractError: a response is not what the documentation says.
    """
    return merge_results(window, read_windows(source, window, semantics))


def read_windows(source: Source, window: Window, semantics: BoundSemantics | None = None) -> Iterator[WindowResult]:
    """The pieces of the window in ascending order, a few in memory at a time; see `read_window`."""
    client = source.connect()
    try:
        yield from source.walker(client, semantics).walk(window)
    finally:
        client.close()
