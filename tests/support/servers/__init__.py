"""Servers on this machine: PostgreSQL, PgBouncer, TLS, proxies, and servers that misbehave."""
