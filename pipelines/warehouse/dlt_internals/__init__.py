"""The seam to dlt: the only code that uses what dlt does not document. Each file says what dlt does instead.

`tests/pipelines/warehouse/test_dlt_seam.py` tests each assumption against the installed dlt.
"""
