"""Surveys: the checks of millions of addresses, in parts that any engine can run, each once."""
