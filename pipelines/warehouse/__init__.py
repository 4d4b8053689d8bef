"""The warehouse: its connection, its lock, one load, and what it stores of an account."""
