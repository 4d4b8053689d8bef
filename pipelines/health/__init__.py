"""What `check.py` looks at: this machine, the settings, each account and the warehouse."""
