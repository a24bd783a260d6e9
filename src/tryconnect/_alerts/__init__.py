"""Telling people that an address went down or came up: what, when, and by which way."""
