"""Many checks at once, and checks over time."""
