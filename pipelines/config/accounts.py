"""Which accounts are configured, and their settings.

The keys of `[sources.<provider>]` make the account `default`; each `[sources.<provider>.accounts.<name>]` makes one
more, and takes what it does not set itself from `[sources.<provider>]`.
"""

import logging
import os
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import dlt

import sources
from pipelines.config import bootstrap
from pipelines.config.declaration import Place, read, secrets_of, settings_of
from pipelines.config.settings import SyncSettings
from sources.errors import ConfigError
from sources.extract.source import Source
from sources.load.settings import SourceSettings
from sources.records.privacy import Privacy

LOG = logging.getLogger("fax-sync")
DEFAULT = "default"
_IDENTIFIER_BYTES = 63  # PostgreSQL's maximum; dlt shortens what is longer


@dataclass(frozen=True)
class Shard:
    """One of `count` parts of all accounts; `number` counts from 1."""

    number: int
    count: int


@dataclass(frozen=True)
class Account:
    """One set of credentials at a provider."""

    provider: str
    name: str = DEFAULT

    def __str__(self) -> str:
        return self.provider if self.name == DEFAULT else f"{self.provider}/{self.name}"

    def is_in(self, shard: Shard) -> bool:
        """The account belongs to this shard; to which one does not depend on the machine or on other accounts."""
        digest = blake2b(f"{self.provider}/{self.name}".encode(), digest_size=8).digest()
        return int.from_bytes(digest) % shard.count == shard.number - 1

    @property
    def section(self) -> Place:
        """Where its settings are."""
        shared = ("sources", self.provider)
        return shared if self.name == DEFAULT else (*shared, "accounts", self.name)

    @property
    def sections(self) -> list[Place]:
        """Where its secrets are looked for; its other settings are under `[sources]` as well."""
        return list(dict.fromkeys((self.section, self.section[:2])))

    @property
    def model(self) -> type[SourceSettings]:
        """What declares its settings."""
        model: type[SourceSettings] = sources.provider(self.provider).Settings
        return model

    def missing_secrets(self) -> list[str]:
        """The secrets that are set neither for it nor for its provider; an empty one counts as missing."""
        return [key for key, value in zip(secrets_of(self.model), self.credentials(), strict=True) if not value]

    def credentials(self) -> tuple[str, ...]:
        """Its secrets, in the order in which the provider declares them; an empty text for one that is not set."""
        found = (setting.find(*self.sections) for setting in settings_of(self.model) if setting.is_secret)
        return tuple(str(at.value).strip() if at else "" for at in found)

    def settings(self) -> SourceSettings:
        """Its settings, those of its provider where it has none of its own.

        Raises:
            ConfigError: some of its credentials are not set, or a setting cannot be.
        """
        if missing := self.missing_secrets():
            section = ".".join(self.section)
            raise ConfigError(f"{self} lacks {' and '.join(missing)}: set it under [{section}] in .dlt/secrets.toml")
        secrets = dict(zip(secrets_of(self.model), self.credentials(), strict=True))
        values = read(self.model, *self.sections, ("sources",)) | secrets
        values |= {key: value.strip() for key, value in values.items() if isinstance(value, str)}
        for key, secret in secrets.items():
            _require_printable(key, secret)
        if file := values.get("ca_bundle"):
            values["ca_bundle"] = str(bootstrap.ROOT / file)
        return self.model(**values)

    def origins(self) -> Iterator[str]:
        """One line for each of its secrets: where it is set; no value is told."""
        for setting in settings_of(self.model):
            if setting.is_secret:
                at = setting.find(*self.sections)
                yield f"{'.'.join((*self.section, setting.name))}: {at.origin if at and at.value else 'NOT SET'}"

    def source(self, settings: SourceSettings, privacy: Privacy) -> Source:
        """The account as it is read."""
        return Source(self.provider, self.name, settings, privacy)


def _require_printable(key: str, secret: str) -> None:
    """Raises:
    ConfigError: it holds what no key does: a line end, typographic quotes, or quotes of its own around it.
    """
    is_quoted = len(secret) > 1 and secret[0] == secret[-1] and secret[0] in "'\"`"
    if is_quoted or not all(" " <= character <= "~" for character in secret):
        raise ConfigError(
            f"setting {key} holds a line end, a quote or a letter that no key has: copy it again, between plain quotes"
        )


def required(provider: str | None = None, chosen: Collection[str] = ()) -> list[Account]:
    """The configured accounts, of one provider or these names only if given; a provider without any is told on stderr.

    An account that has some of its credentials only is among them; `settings` says what it lacks.

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
    known_names = {account.name for account in accounts}
    for name in chosen:
        if name not in known_names:
            raise ConfigError(f"there is no account {name!r}: choose from {', '.join(sorted(known_names))}")
    return [account for account in accounts if not chosen or account.name in chosen]


def _configured(provider: str) -> list[Account]:
    """The default account, unless nothing is set for it or what is set is only shared by others, then those named."""
    named = [Account(provider, name) for name in sorted(_names(provider))]
    default = Account(provider)
    missing = len(default.missing_secrets())
    some = 0 < missing < len(secrets_of(default.model))
    return [default, *named] if missing == 0 or (some and not named) else named


def _names(provider: str) -> set[str]:
    """The names of a provider's further accounts, in the files and in the environment.

    Raises:
        ConfigError: one of them is no name, or too long to be a part of a schema's.
    """
    tables: list[Any] = [place.get(f"sources.{provider}.accounts") for place in (dlt.secrets, dlt.config)]
    found = {str(name) for table in tables if isinstance(table, dict) for name in table}
    prefix = f"SOURCES__{provider}__ACCOUNTS__".upper()
    found |= {key.removeprefix(prefix).partition("__")[0].lower() for key in os.environ if key.startswith(prefix)}
    for name in sorted(found):
        _require_name(provider, name)
    return found


def _require_name(provider: str, name: str) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or name == DEFAULT:
        raise ConfigError(
            f"{provider}: an account's name is made of a-z, 0-9 and _, begins with a letter, and is not {DEFAULT!r}: "
            f"{name!r}"
        )
    most = _IDENTIFIER_BYTES - len(f"{SyncSettings.read().schema}_{provider}__staging")
    if len(name) > most:
        raise ConfigError(
            f"{provider}: an account's name has {most} letters at most, for the name of its staging schema holds it: "
            f"{name!r} has {len(name)}"
        )


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
