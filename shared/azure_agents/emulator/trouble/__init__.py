"""Faults that a test injects, and weather: faults drawn from a seed."""
