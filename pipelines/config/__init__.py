"""What is configured: settings, accounts, privacy and the destination, from .dlt/ and the environment."""
