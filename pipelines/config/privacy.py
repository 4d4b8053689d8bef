"""The settings under `[privacy]`: what becomes of phone numbers and names, and for how long faxes are kept."""

import re
from datetime import datetime, timedelta
from typing import Any, get_args

import dlt

from pipelines.config.settings import refused, setting
from sources.errors import ConfigError
from sources.records.privacy import Handling, Privacy
from sources.window import whole_second

KEY_BYTES = 32  # of HMAC-SHA-256: as long as its digest, RFC 2104


def privacy() -> Privacy:
    """What becomes of phone numbers and names.

    Raises:
        ConfigError: they are to be replaced by pseudonyms, and there is no key, or one that is too short.
    """
    handling = {name: name for name in get_args(Handling)}.get(setting("privacy.phone_numbers", "keep"))
    if handling is None:
        raise ConfigError(f"setting privacy.phone_numbers must be one of {', '.join(get_args(Handling))}")
    secret: Any = dlt.secrets.get("privacy.key")
    key = str(secret or "").encode()
    key_id = setting("privacy.key_id", "k1")
    if handling == "hmac" and len(key) < KEY_BYTES:
        raise ConfigError(
            f"setting privacy.key must have {KEY_BYTES} bytes at least: put what `openssl rand -hex 32` prints "
            "under [privacy] in .dlt/secrets.toml"
        )
    if not re.fullmatch(r"[a-z][a-z0-9]{0,15}", key_id):
        raise ConfigError(
            "setting privacy.key_id must be a-z and 0-9, begin with a letter, and have 16 letters at most"
        )
    return Privacy(handling, key, key_id, _names())


def kept_from(now: datetime) -> datetime | None:
    """The earliest creation time of what is kept, in whole seconds, UTC; None if everything is.

    Raises:
        ConfigError: the days are less than none, or more than the calendar has.
    """
    days = setting("privacy.keep_days", 0.0)
    try:
        if days >= 0:
            return whole_second(now - timedelta(days=days)) if days else None
    except OverflowError:
        pass
    raise refused("privacy.keep_days")


def _names() -> frozenset[str]:
    names: Any = dlt.config.get("privacy.tags", list) or []
    if not all(isinstance(name, str) for name in names):
        raise ConfigError('setting privacy.tags must be a list of names such as ["patient"]')
    return frozenset(name.lower() for name in names)
