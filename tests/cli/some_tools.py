"""Tools as an application defines them."""

NAME = "no list"


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


TOOLS = [add]
