"""The configuration from .dlt/ and the environment: settings, accounts, privacy and the destination."""
