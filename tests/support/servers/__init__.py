"""Servers on this machine: PostgreSQL, PgBouncer, TLS, proxies, and such as misbehave."""
