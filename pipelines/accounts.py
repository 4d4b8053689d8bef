"""Which accounts are configured, and how to reach them."""

from dataclasses import dataclass

import dlt

import sources
from sources.errors import ConfigError

DEFAULT = "default"


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


def missing_secrets(provider: str) -> list[str]:
    """The provider's secrets that are not set; an empty one counts as missing."""
    secrets: tuple[str, ...] = sources.provider(provider).SECRETS
    return [key for key in secrets if not dlt.secrets.get(f"sources.{provider}.{key}")]
