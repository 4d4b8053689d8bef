"""Warehouses that tests fill and read, and the oracle that compares them with a provider."""
