"""Tests of the warehouse of Delta tables."""
