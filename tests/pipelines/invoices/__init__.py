"""Tests of the figures of costs and of the report."""
