"""The settings of an account on a Spark executor: options, and credentials from the executor's environment.

Credentials are never options, because Spark shows options in plans, in its UI and in event logs.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib import import_module
from typing import Any

from msgspec import Struct, ValidationError, convert
from msgspec.structs import fields

import sources
from sources.errors import ConfigError
from sources.load.settings import SourceSettings, is_secret
from sources.records.privacy import Privacy

Secrets = Callable[[str, str], Mapping[str, str]]
PRIVACY_KEY = "PRIVACY__KEY"
_PROXY = "proxy"


def private_names(model: type[Struct]) -> list[str]:
    """The names of the settings that Spark must not show: the secrets, and the proxy, whose URL may hold a password."""
    return [field.name for field in fields(model) if is_secret(field) or field.name == _PROXY]


def account_settings(
    provider: str, account: str, public: Mapping[str, Any], secrets: str | None = None
) -> SourceSettings:
    """The settings of an account on this executor.

    `public` are the settings that Spark may show, as text or in their type. The others come from the environment, as
    `SOURCES__<PROVIDER>__ACCOUNTS__<ACCOUNT>__<NAME>` or `SOURCES__<PROVIDER>__<NAME>`, or from the function that
    `secrets` names as `module:function`; it is called with provider and account.

    Raises:
        ConfigError: a credential is missing or was given as an option, or a value is invalid.
    """
    model: type[SourceSettings] = sources.provider(provider).Settings
    private = private_names(model)
    if shown := [name for name in private if name in public]:
        raise ConfigError(
            f"{provider}: {', '.join(shown)} must not be an option, which Spark shows: set it in the environment of "
            "the executors (docs/scale.md)"
        )
    given = _secrets_of(secrets)(provider, account) if secrets else {}
    values = {name: public[name] for name in model.__struct_fields__ if name in public}
    for name in private:
        if value := str(given.get(name) or _from_environment(provider, account, name)).strip():
            values[name] = value
    if missing := [field.name for field in fields(model) if is_secret(field) and field.name not in values]:
        raise ConfigError(
            f"{provider}/{account} lacks {' and '.join(missing)} on the executor: set "
            f"{_variable(provider, account, missing[0])} in its environment (docs/scale.md)"
        )
    try:
        return convert(values, model, strict=False)
    except ValidationError as error:
        raise ConfigError(f"{provider}/{account}: {error}: see .dlt/config.toml") from None


def privacy_with_key(privacy: Privacy) -> Privacy:
    """The privacy settings with the key for pseudonyms from the executor's environment, if they need one.

    Raises:
        ConfigError: the key is missing.
    """
    if privacy.phone_numbers != "hmac" or privacy.key:
        return privacy
    key = os.environ.get(PRIVACY_KEY, "").encode()
    if not key:
        raise ConfigError(f"privacy.key is missing on the executor: set {PRIVACY_KEY} in its environment")
    return replace(privacy, key=key)


def environment_of(provider: str, account: str, settings: SourceSettings) -> dict[str, str]:
    """The environment variables that `account_settings` reads on an executor, with their values."""
    private = {name: getattr(settings, name) for name in private_names(type(settings))}
    return {_variable(provider, account, name): str(value) for name, value in private.items() if value}


def _secrets_of(path: str) -> Secrets:
    module, _, name = path.partition(":")
    try:
        found: Secrets = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError):
        raise ConfigError(f"there is no {path} on the executor: secrets must be module:function") from None
    return found


def _from_environment(provider: str, account: str, name: str) -> str:
    return os.environ.get(_variable(provider, account, name)) or os.environ.get(
        _variable(provider, "default", name), ""
    )


def _variable(provider: str, account: str, name: str) -> str:
    own = () if account == "default" else ("accounts", account)
    return "__".join(("sources", provider, *own, name)).upper()
