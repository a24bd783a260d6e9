"""One check: a Target becomes an Attempt, and an Attempt a Report."""
