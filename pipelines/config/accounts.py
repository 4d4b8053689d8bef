"""Which accounts are configured, and their settings.

The keys of `[sources.<provider>]` make the account `default`; each `[sources.<provider>.accounts.<name>]` makes one
more, and takes what it does not set itself from `[sources.<provider>]`.
"""

import logging
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import dlt
from dlt.common.configuration.resolve import resolve_configuration

import sources
from pipelines.config import bootstrap
from pipelines.config.account_names import DEFAULT, names
from sources.errors import ConfigError
from sources.extract.source import Source
from sources.load.ranges import require_printable
from sources.load.settings import SourceSettings
from sources.records.privacy import Privacy

LOG = logging.getLogger("fax-sync")


@dataclass(frozen=True)
class Account:
    """One set of credentials at a provider."""

    provider: str
    name: str = DEFAULT

    def __str__(self) -> str:
        return self.provider if self.name == DEFAULT else f"{self.provider}/{self.name}"

    @property
    def section(self) -> tuple[str, ...]:
        """Where its settings are."""
        shared = ("sources", self.provider)
        return shared if self.name == DEFAULT else (*shared, "accounts", self.name)

    def missing_secrets(self) -> list[str]:
        """The secrets that are set neither for it nor for its provider; an empty one counts as missing."""
        keys: tuple[str, ...] = sources.provider(self.provider).SECRETS
        return [key for key, value in zip(keys, self.credentials(), strict=True) if not value]

    def credentials(self) -> tuple[str, ...]:
        """Its secrets, in the order in which the provider names them; an empty text for one that is not set."""
        places = (self.section, self.section[:2])
        found: Iterator[list[Any]] = (
            [dlt.secrets.get(".".join((*place, key))) for place in places]
            for key in sources.provider(self.provider).SECRETS
        )
        return tuple(str(next(filter(None, values), "")).strip() for values in found)

    def settings(self) -> SourceSettings:
        """Its settings, those of its provider where it has none of its own.

        Raises:
            ConfigError: some of its credentials are not set, or a setting cannot be.
        """
        if missing := self.missing_secrets():
            section = ".".join(self.section)
            raise ConfigError(f"{self} lacks {' and '.join(missing)}: set it under [{section}] in .dlt/secrets.toml")
        package = sources.provider(self.provider)
        with _without(package.Settings.get_resolvable_fields()):
            settings: SourceSettings = resolve_configuration(package.Settings(), sections=self.section)
        for key in package.SECRETS:
            settings[key] = require_printable(key, settings[key])
        settings.base_url, settings.proxy = settings.base_url.strip(), settings.proxy.strip()
        if settings.ca_bundle:
            settings.ca_bundle = str(bootstrap.ROOT / settings.ca_bundle.strip())
        settings.require_allowed()
        return settings

    def source(self, settings: SourceSettings, privacy: Privacy) -> Source:
        """The account as it is read."""
        return Source(self.provider, self.name, settings, privacy)


@contextmanager
def _without(keys: Iterable[str]) -> Iterator[None]:
    """Hides variables that bear the bare name of a setting, such as BASE_URL: another program's may be meant.

    dlt prefers them to what the files say, and the credentials would be sent to another program's host.
    """
    hidden = {name: os.environ.pop(name) for name in map(str.upper, keys) if name in os.environ}
    try:
        yield
    finally:
        os.environ |= hidden


def required(provider: str | None = None, name: str | None = None) -> list[Account]:
    """The configured accounts, of one provider or one name only if given; a provider without any is told on stderr.

    An account that has some of its credentials only is among them; `source` says what it lacks.

    Raises:
        ConfigError: there is none.
    """
    known = sources.providers()
    if provider is not None and provider not in known:
        raise ConfigError(f"there is no provider {provider!r}: choose from {', '.join(known)}")
    accounts: list[Account] = []
    for candidate in [provider] if provider else known:
        found = _configured(candidate)
        if not found:
            LOG.info("%s: skipped, no credentials under [sources.%s] in .dlt/secrets.toml", candidate, candidate)
        _require_different(found)
        accounts += found
    if not accounts:
        raise ConfigError(
            "no provider is configured: copy .dlt/example.secrets.toml to .dlt/secrets.toml and fill in your keys, "
            "or see it work first: uv run python pipelines/sync.py --demo"
        )
    chosen = [account for account in accounts if name in (None, account.name)]
    if not chosen:
        raise ConfigError(
            f"there is no account {name!r}: choose from {', '.join(sorted({account.name for account in accounts}))}"
        )
    return chosen


def _configured(provider: str) -> list[Account]:
    """The default account, unless nothing is set for it or what is set is only shared by others, then those named."""
    named = [Account(provider, name) for name in sorted(names(provider))]
    default = Account(provider)
    missing = len(default.missing_secrets())
    some = 0 < missing < len(sources.provider(provider).SECRETS)
    return [default, *named] if missing == 0 or (some and not named) else named


def _require_different(accounts: list[Account]) -> None:
    """Raises:
    ConfigError: two accounts of a provider have the same credentials, so every fax would be there, and cost, twice.
    """
    seen: dict[tuple[str, ...], Account] = {}
    for account in (account for account in accounts if not account.missing_secrets()):
        other = seen.setdefault(account.credentials(), account)
        if other is not account:
            raise ConfigError(
                f"the accounts {other.name!r} and {account.name!r} of {account.provider} have the same credentials, "
                f"so every fax would cost twice: remove one, or set its own under [{'.'.join(account.section)}]"
            )
