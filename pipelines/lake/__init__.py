"""A warehouse of Delta tables, and the run of an account on a Spark executor, which has no dlt."""
