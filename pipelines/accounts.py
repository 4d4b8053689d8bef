"""Which accounts are configured, and how to reach them."""

import logging
from dataclasses import dataclass

import dlt

import sources
from sources.errors import ConfigError

DEFAULT = "default"
LOG = logging.getLogger("fax-sync")


@dataclass(frozen=True)
class Account:
    """One set of credentials at a provider."""

    provider: str
    name: str = DEFAULT

    def __str__(self) -> str:
        return self.provider if self.name == DEFAULT else f"{self.provider}/{self.name}"


def configured(only: str | None = None) -> tuple[list[Account], list[str]]:
    """The configured accounts, and the providers that are skipped because none of their credentials is set.

    Raises:
        ConfigError: `only` is no provider, or a provider has some of its credentials but not all.
    """
    names = sources.providers()
    if only is not None and only not in names:
        raise ConfigError(f"there is no provider {only!r}: choose from {', '.join(names)}")
    accounts, skipped = [], []
    for name in [only] if only else names:
        missing = missing_secrets(name)
        if not missing:
            accounts.append(Account(name))
        elif set(missing) == set(sources.provider(name).SECRETS):
            skipped.append(name)
        else:
            keys = " and ".join(missing)
            raise ConfigError(f"{name} lacks {keys}: set it under [sources.{name}] in .dlt/secrets.toml")
    return accounts, skipped


def required(only: str | None = None) -> list[Account]:
    """The configured accounts; a provider that is skipped is told on stderr.

    Raises:
        ConfigError: there is none, or as for `configured`.
    """
    accounts, skipped = configured(only)
    for name in skipped:
        LOG.info("%s: skipped, no credentials under [sources.%s] in .dlt/secrets.toml", name, name)
    if not accounts:
        raise ConfigError(
            "no provider is configured: copy .dlt/example.secrets.toml to .dlt/secrets.toml and fill in your keys, "
            "or see it work first: python pipelines/sync.py --demo"
        )
    return accounts


def missing_secrets(provider: str) -> list[str]:
    """The provider's secrets that are not set; an empty one counts as missing."""
    secrets: tuple[str, ...] = sources.provider(provider).SECRETS
    return [key for key in secrets if not dlt.secrets.get(f"sources.{provider}.{key}")]
