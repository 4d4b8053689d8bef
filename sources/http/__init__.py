"""GETs JSON from a provider: retries, back-off, rate limit, response limits, and credentials for one origin only."""
