"""Tests of one polite GET: retry, pace, limits of a response, and credentials for one origin alone."""
