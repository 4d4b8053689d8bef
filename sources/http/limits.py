"""The limits on requests to a provider and on its responses."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """One run's limits, in seconds, bytes and counts."""

    connections: int = 4
    requests_per_second: float = 0.0  # 0: no limit
    attempts: int = 5
    garbled_attempts: int = 3
    retry_seconds: float = 120.0
    connect_seconds: float = 10.0
    read_seconds: float = 60.0
    response_seconds: float = 120.0
    response_bytes: int = 32 * 1024 * 1024
    proxy: str = ""  # http://host:port, which opens a tunnel to the provider; no proxy if empty
    ca_bundle: str = ""  # path of the CA certificates that replace those of requests; empty: requests' own


DEFAULT_LIMITS = Limits()
