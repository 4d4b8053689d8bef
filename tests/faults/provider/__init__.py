"""Faults of a provider and of the network to it."""
