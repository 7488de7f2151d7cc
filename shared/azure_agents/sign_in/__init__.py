"""Tokens and keys: where they come from, and the one place that puts them on requests."""
