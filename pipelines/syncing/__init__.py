"""A sync: of all accounts side by side, of one account, and of one of its lists."""
