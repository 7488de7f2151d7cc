"""Agents as objects: made, listed, changed and deleted, in both generations, with their tools."""
