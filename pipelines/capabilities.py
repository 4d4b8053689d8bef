"""What a destination can do, looked up once."""

from collections.abc import Callable
from typing import Any


def remember_capabilities(destination: Any) -> Any:
    """The destination, which asks itself once what it can do: dlt does so ten times a run, and reads all settings."""
    honest: Callable[..., Any] = destination.capabilities
    known: dict[type, Any] = {}  # by the naming convention, of which no more than the type is looked at

    def capabilities(config: Any = None, naming: Any = None) -> Any:
        if config is not None:
            return honest(config, naming)
        if type(naming) not in known:
            known[type(naming)] = honest(None, naming)
        return known[type(naming)].copy()  # dlt writes into what it is given

    destination.capabilities = capabilities
    return destination
