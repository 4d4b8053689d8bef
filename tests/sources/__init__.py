"""Tests of reading: from a provider's API to Arrow tables with a proof."""
