"""Faults to inject, and accounts that go on living meanwhile."""
