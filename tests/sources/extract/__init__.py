"""Tests of reading windows: pagination, bounds, proofs, concurrency."""
