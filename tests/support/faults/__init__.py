"""Faults to inject, accounts that change during a run, and soaks."""
