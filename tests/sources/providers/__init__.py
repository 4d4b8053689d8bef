"""Tests of the providers: the contract that all keep, and what is peculiar to each."""
