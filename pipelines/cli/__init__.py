"""What the commands share: arguments, progress, notification, and the summary of a run."""
