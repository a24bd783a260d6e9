"""Loops and threads that are not ours, and what this machine allows."""
