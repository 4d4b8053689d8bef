"""How a provider is asked."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """How one run asks a provider, how much, and how patiently; seconds, bytes and counts."""

    connections: int = 4
    requests_per_second: float = 0.0  # 0: as many as come
    attempts: int = 5
    garbled_attempts: int = 3
    retry_seconds: float = 120.0
    connect_seconds: float = 10.0
    read_seconds: float = 60.0
    response_seconds: float = 120.0
    response_bytes: int = 32 * 1024 * 1024
    proxy: str = ""  # http://host:port, by which the provider is reached through a tunnel; none if empty
    ca_bundle: str = ""  # a file of CA certificates to trust instead of those that requests brings


DEFAULT_LIMITS = Limits()
