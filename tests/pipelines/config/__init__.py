"""Tests of settings, accounts and destinations."""
