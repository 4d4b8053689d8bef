"""A sync: of all accounts side by side, and of one account."""
