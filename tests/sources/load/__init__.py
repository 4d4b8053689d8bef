"""Tests of what is loaded: the plan, the re-reads of open faxes, the batches."""
