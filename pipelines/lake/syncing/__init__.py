"""The sync of all accounts into Delta tables: in rounds of tasks, which run in threads or on Spark executors."""
