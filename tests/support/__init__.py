"""What the tests work with, and no test."""
