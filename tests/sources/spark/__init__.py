"""Tests of the data source of Spark."""
