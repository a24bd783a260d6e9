"""Plain values: what is asked, what happened and what is told."""
