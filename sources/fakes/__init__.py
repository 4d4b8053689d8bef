"""What the fake providers share: a server on loopback, its answers, a store of records, and printed times."""
