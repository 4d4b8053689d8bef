"""Tests of how a run ends: exit codes, messages, logs."""
