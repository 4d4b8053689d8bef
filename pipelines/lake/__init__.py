"""The warehouse of Delta tables: its tables, how they are loaded and read, and the task that reads an account."""
