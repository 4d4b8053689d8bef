"""What is loaded: the plan of a run, batches of new and changed rows, the ledger. Only `resources.py` imports dlt."""
