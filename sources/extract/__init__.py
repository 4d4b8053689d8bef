"""What one window of creation time holds, read page by page, with its proof. Knows neither dlt nor a warehouse."""
