"""The configured accounts and their settings.

The keys of `[sources.<provider>]` define the account `default`. Each `[sources.<provider>.accounts.<name>]` defines
another account, which inherits what it does not set from `[sources.<provider>]`.
"""

import logging
import os
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import dlt

import sources
from pipelines.config import bootstrap
from pipelines.config.declaration import Place, read, secrets_of, settings_of
from pipelines.config.directory import path_of
from pipelines.config.settings import SyncSettings
from sources.errors import ConfigError, WrongUsage
from sources.extract.source import Source
from sources.load.settings import SourceSettings
from sources.records.privacy import Privacy

LOG = logging.getLogger("fax-sync")
DEFAULT = "default"
_IDENTIFIER_BYTES = 63  # PostgreSQL's maximum; dlt shortens longer names


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
        """The account belongs to this shard. Neither the machine nor other accounts have an influence."""
        digest = blake2b(f"{self.provider}/{self.name}".encode(), digest_size=8).digest()
        return int.from_bytes(digest) % shard.count == shard.number - 1

    @property
    def section(self) -> Place:
        """The section of its settings."""
        shared = ("sources", self.provider)
        return shared if self.name == DEFAULT else (*shared, "accounts", self.name)

    @property
    def sections(self) -> list[Place]:
        """The sections that may hold its secrets, in order; its other settings may be under `[sources]` as well."""
        return list(dict.fromkeys((self.section, self.section[:2])))

    @property
    def model(self) -> type[SourceSettings]:
        """The model that declares its settings."""
        model: type[SourceSettings] = sources.provider(self.provider).Settings
        return model

    def missing_secrets(self) -> list[str]:
        """The names of the secrets that are set neither for it nor for its provider; an empty secret is missing."""
        return [key for key, value in zip(secrets_of(self.model), self.credentials(), strict=True) if not value]

    def credentials(self) -> tuple[str, ...]:
        """Its secrets, in the order in which the provider declares them; an empty text for a missing secret."""
        found = (setting.find(*self.sections) for setting in settings_of(self.model) if setting.is_secret)
        return tuple(str(at.value).strip() if at else "" for at in found)

    def settings(self) -> SourceSettings:
        """Its settings; its provider's where it has none.

        Raises:
            ConfigError: a secret is missing, or a setting is invalid.
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
            values["ca_bundle"] = str(path_of(file, bootstrap.PROJECT))
        return self.model(**values)

    def origins(self) -> Iterator[str]:
        """One line for each of its secrets: where it is set, without its value."""
        for setting in settings_of(self.model):
            if setting.is_secret:
                at = setting.find(*self.sections)
                yield f"{'.'.join((*self.section, setting.name))}: {at.origin if at and at.value else 'NOT SET'}"

    def source(self, settings: SourceSettings, privacy: Privacy) -> Source:
        """The account with its settings, as the extraction reads it."""
        return Source(self.provider, self.name, settings, privacy)


def _require_printable(key: str, secret: str) -> None:
    """Requires a secret of printable ASCII characters, without quotes around it.

    Raises:
        ConfigError: the secret has another form.
    """
    is_quoted = len(secret) > 1 and secret[0] == secret[-1] and secret[0] in "'\"`"
    if is_quoted or not all(" " <= character <= "~" for character in secret):
        raise ConfigError(
            f"setting {key} has a line end, a quote or a letter that no key has: copy it again, between plain quotes"
        )


def required(provider: str | None = None, chosen: Collection[str] = ()) -> list[Account]:
    """The configured accounts, of one provider or of the chosen names only if given.

    They include accounts with incomplete credentials, which `settings` refuses. The log names providers without any.

    Raises:
        ConfigError: no account is configured.
        WrongUsage: the provider or a name is unknown.
    """
    known = sources.providers()
    if provider is not None and provider not in known:
        raise WrongUsage(f"there is no provider {provider!r}: choose from {', '.join(known)}")
    accounts: list[Account] = []
    for candidate in [provider] if provider else known:
        found = _configured(candidate)
        if not found:
            LOG.info("%s: skipped, no credentials under [sources.%s] in .dlt/secrets.toml", candidate, candidate)
        _require_different(found)
        accounts += found
    if not accounts:
        secrets = bootstrap.settings_directory() / "secrets.toml"
        asks = f", or run {bootstrap.command('init')}, which asks for them" * (not secrets.exists())
        raise ConfigError(
            f"no provider is configured: fill in your keys in {secrets}{asks}; "
            f"to see it work first: {bootstrap.command('sync')} --demo"
        )
    known_names = {account.name for account in accounts}
    for name in chosen:
        if name not in known_names:
            hint = f"; for a provider, use --provider {name}" * (name in known)
            raise WrongUsage(f"there is no account {name!r}: choose from {', '.join(sorted(known_names))}{hint}")
    return [account for account in accounts if not chosen or account.name in chosen]


def configured() -> list[Account]:
    """All configured accounts, those with incomplete credentials included.

    Raises:
        ConfigError: a name is invalid.
    """
    return [account for provider in sources.providers() for account in _configured(provider)]


def _configured(provider: str) -> list[Account]:
    """The provider's accounts: `default` first, then the named ones.

    The account `default` exists if it has all secrets, or some of them and no named account that shares them.
    """
    named = [Account(provider, name) for name in sorted(_names(provider))]
    default = Account(provider)
    missing = len(default.missing_secrets())
    is_incomplete = 0 < missing < len(secrets_of(default.model))
    return [default, *named] if missing == 0 or (is_incomplete and not named) else named


def _names(provider: str) -> set[str]:
    """The names of a provider's named accounts, from the files and the environment.

    Raises:
        ConfigError: a name is invalid, or too long.
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
            f"{provider}: an account's name consists of a-z, 0-9 and _, begins with a letter, and is not {DEFAULT!r}: "
            f"{name!r}"
        )
    # What earlier versions allowed: the name was part of a schema's.
    most = _IDENTIFIER_BYTES - len(f"{SyncSettings.read().schema}_{provider}__staging")
    if len(name) > most:
        raise ConfigError(f"{provider}: an account's name has {most} letters at most: {name!r} has {len(name)}")


def _require_different(accounts: list[Account]) -> None:
    """Requires another account of the provider in each account: else every fax would be stored, and counted, twice.

    Raises:
        ConfigError: two accounts have the same credentials, or credentials of one account of the provider.
    """
    seen: dict[tuple[str, ...], Account] = {}
    for account in (account for account in accounts if not account.missing_secrets()):
        other = seen.setdefault(_as_used(account), account)
        if other is not account:
            is_same = account.credentials() == other.credentials()
            same = "credentials" if is_same else " and ".join(_names_account(account))
            raise ConfigError(
                f"the accounts {other.name!r} and {account.name!r} of {account.provider} have the same {same}, "
                "so every fax would be counted twice: remove one account, or set its own credentials under "
                f"[{'.'.join(account.section)}]"
            )


def _names_account(account: Account) -> Sequence[str]:
    """The secrets that name the account at its provider."""
    return getattr(sources.provider(account.provider), "NAMES_ACCOUNT", secrets_of(account.model))


def _as_used(account: Account) -> tuple[str, ...]:
    """What names the account, as its provider's model writes it: one secret may be written in several forms."""
    secrets: dict[str, Any] = dict(zip(secrets_of(account.model), account.credentials(), strict=True))
    try:
        settings = account.model(**secrets)
    except ConfigError:  # is reported when the account is synced
        return account.credentials()
    return tuple(getattr(settings, name) for name in _names_account(account))
