"""The code that the fake providers share: a server on loopback, its answers, a store of records, and times."""
