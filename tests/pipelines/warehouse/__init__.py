"""Tests of the warehouse: DuckDB, PostgreSQL, Parquet files, ledger, retention."""
