"""How a run ends: signals, logs, and the mapping of errors to what the operator can act on."""
