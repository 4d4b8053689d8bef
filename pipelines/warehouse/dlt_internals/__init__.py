"""The one place that touches what dlt does not document."""
