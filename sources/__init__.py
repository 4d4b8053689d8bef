"""The providers of faxes. Each folder here with a `faxes.sql` is a provider and holds everything specific to it.

A provider's package offers:

- `Settings`: the settings under `[sources.<provider>]`, which are those of `sources/load/settings.py` and the
  provider's credentials, each a `Secret`; without these the provider is not configured;
- `connect(settings)`: a client with the account's credentials;
- `api`: how the provider lists faxes (`Api` in `sources/extract/source.py`), and `TABLE`, the table of these faxes;
  `api.count_this_month(client, now)`, if the provider counts, is its own count of the month;
  `api.fetch_balance(client)`, if it has one, is the account's balance in US dollars, asked once, not retried;
- `FURTHER`, if the provider has more lists to walk: a `Listing` of each, whose table has a `ledger` of its own;
- `NAMES_ACCOUNT`, if some of these secrets name the provider's account without the others: which;
- `BILLING_ZONE`, the time zone in which its billing months begin, with its source; UTC without it;
- `IF_GONE`, if the provider has announced a successor: what to do once its API has ended;
- `IF_EMPTY`, if the provider keeps some faxes elsewhere: where to look if an account has none;
- `faxes.sql`: the provider's rows as the common fax (`sources/records/fax.py`); `fax_recipients.sql` and
  `fax_tags.sql` if it has recipients and tags;
- `fake.Fake`: the provider's API on loopback, for the demonstration and the tests.
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
