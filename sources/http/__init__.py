"""One polite GET: retries, back-off, rate limit, response limits, and credentials that stay on their origin."""
