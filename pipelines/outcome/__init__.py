"""How a run ends: signals, logs, and any error as one that the operator can act on."""
