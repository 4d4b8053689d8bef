"""What `check.py` checks: this machine, each account and the warehouse."""
