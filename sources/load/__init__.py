"""What dlt is given: the plan of a run, batches of new rows, the ledger, resources. The one room that knows dlt."""
