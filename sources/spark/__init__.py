"""Faxes as a data source of Apache Spark: the same reading on executors, without dlt and without a warehouse."""
