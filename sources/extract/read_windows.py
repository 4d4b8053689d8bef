"""The central function: the faxes of one account, window by window, each with a proof that none is missing.

It uses no dlt, no warehouse and no clock. Its arguments and its results can be pickled, so it runs in any process.
"""

from collections.abc import Iterator

from sources.extract.source import Source
from sources.extract.window_result import WindowResult
from sources.window import Window


def read_windows(source: Source, span: Window) -> Iterator[WindowResult]:
    """The windows of the span in ascending order, without a hole, a few in memory at a time.

    Raises:
        AuthError: the provider refuses the credentials.
        ProviderDown: the provider fails, or limits the rate, after all retries.
        ContractError: a response is not what the documentation says.
    """
    client = source.connect()
    try:
        yield from source.walker(client).walk(span)
    finally:
        client.close()
