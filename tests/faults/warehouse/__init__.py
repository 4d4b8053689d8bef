"""Faults of the warehouse: its file, its server, and whoever else uses it."""
