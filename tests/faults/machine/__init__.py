"""Faults of the process and of the host."""
