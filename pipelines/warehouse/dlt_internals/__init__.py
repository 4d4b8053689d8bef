"""The one place that touches what dlt does not document. Each file says what dlt does instead.

`tests/pipelines/warehouse/test_dlt_seam.py` names each assumption, and runs against the dlt that is installed.
"""
