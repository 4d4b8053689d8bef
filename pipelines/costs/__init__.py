"""The month that `report.py` shows: its figures, screen and sentences."""
