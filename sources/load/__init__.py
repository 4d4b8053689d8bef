"""The plan of a run, batches of new rows, the ledger. Only `resources.py`, which loads it, knows dlt."""
