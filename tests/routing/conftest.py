"""Fixtures of the router's tests."""

from .fleet import fleet

__all__ = ["fleet"]
