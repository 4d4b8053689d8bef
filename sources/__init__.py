"""The providers of faxes: each folder here is one, and the whole truth about it.

A provider's package offers:

- `Settings`: what may stand under `[sources.<provider>]`: those of `sources/settings.py`, and its credentials;
- `source(run, settings)`: the dlt source;
- `SECRETS`: the settings without which the provider is not configured;
- `faxes.sql`: its rows as the common fax (`sources/fax.py`), and `fax_recipients.sql` and `fax_tags.sql` if it has any;
- `fake.Fake`: its API on loopback, for the demonstration and the tests.
"""

import pkgutil
from importlib import import_module
from types import ModuleType


def providers() -> list[str]:
    """The names of all providers, sorted."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__) if module.ispkg)


def provider(name: str) -> ModuleType:
    """The package of a provider."""
    return import_module(f"{__name__}.{name}")
