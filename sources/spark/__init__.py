"""A Spark data source of faxes: executors read the windows, without dlt and without a warehouse."""
