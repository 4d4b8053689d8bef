"""Runs the commands: in this process, or as child processes."""
