"""Bytes and headers become the text a browser would show."""
