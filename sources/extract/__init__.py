"""Reads one window of creation time: its faxes, page by page, with a proof. Imports neither dlt nor a warehouse."""
