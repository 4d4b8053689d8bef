"""The providers of faxes: each folder here with a `faxes.sql` is one, and the whole truth about it.

A provider's package offers:

- `Settings`: what may stand under `[sources.<provider>]`: those of `sources/load/settings.py`, and its credentials,
  each a `Secret`, without which the provider is not configured;
- `connect(settings)`: a client with the account's credentials;
- `api`: how it lists faxes (`Api` in `sources/extract/source.py`), and `TABLE`, the table they fill;
- `IF_GONE`, if it has an announced successor: what to do once its API has ended;
- `IF_EMPTY`, if faxes may be elsewhere: what to look for in an account that has none;
- `faxes.sql`: its rows as the common fax (`sources/records/fax.py`); `fax_recipients.sql` and `fax_tags.sql` if it
  has any;
- `fake.Fake`: its API on loopback, for the demonstration and the tests.
"""

from importlib import import_module
from pathlib import Path
from types import ModuleType


def providers() -> list[str]:
    """The names of all providers, sorted."""
    return sorted(file.parent.name for place in __path__ for file in Path(place).glob("*/faxes.sql"))


def provider(name: str) -> ModuleType:
    """The package of a provider."""
    return import_module(f"{__name__}.{name}")
