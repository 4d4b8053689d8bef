"""Histories of accounts made at random, and the judges of the tests judged."""
