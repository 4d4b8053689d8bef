"""Tests of the commands, and of what stands behind them."""
