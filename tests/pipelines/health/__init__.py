"""Tests of check.py."""
