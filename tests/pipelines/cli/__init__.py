"""Tests of the command line: how it is started, what it prints, how it is stopped."""
