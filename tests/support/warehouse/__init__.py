"""Warehouses that tests fill and read, and the judge of what they hold."""
