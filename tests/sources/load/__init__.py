"""Tests of what dlt is given: the plan, the open faxes, what is new."""
