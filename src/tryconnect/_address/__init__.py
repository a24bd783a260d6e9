"""Text becomes a Target."""
