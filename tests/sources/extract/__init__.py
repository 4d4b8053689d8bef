"""Tests of reading a window: pages, bounds, proofs, windows read at a time."""
