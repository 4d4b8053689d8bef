"""The month of faxes that `report.py` shows: its figures, its screen and its sentences."""
