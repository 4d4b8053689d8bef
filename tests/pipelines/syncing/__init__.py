"""Tests of a sync, from all accounts to one list."""
