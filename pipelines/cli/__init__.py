"""What the commands share: arguments, signals, logs, progress, and the summary of a run."""
