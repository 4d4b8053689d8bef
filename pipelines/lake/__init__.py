"""The warehouse of Delta tables, and the runs of accounts in threads or on Spark executors, which have no dlt."""
