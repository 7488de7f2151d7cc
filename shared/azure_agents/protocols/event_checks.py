"""Checks of what the service put into an event, before the event is delivered.

Both readers copy values of the wire into events without looking at each one. Whatever they deliver
passes `delivery`, which checks here that a field holds what its type says: a number where a text
should be would otherwise fail far away, in the code of a caller.
"""

from __future__ import annotations

from ..errors import ProtocolError


def check_text(*values: object) -> None:
    """Check that every value is a text.

    Raises:
        ProtocolError: A value is of another type.
    """
    for value in values:
        if not isinstance(value, str):
            raise ProtocolError(f"expected text, got {str(value)[:80]!r}")


def check_text_or_none(*values: object) -> None:
    """Check that every value is a text or None.

    Raises:
        ProtocolError: A value is of another type.
    """
    check_text(*(value for value in values if value is not None))


def check_offsets(*values: object) -> None:
    """Check that every value is an offset into a text, or None.

    Raises:
        ProtocolError: A value is of another type.
    """
    for value in values:
        # Not `isinstance`: True and False are integers, too, and no offsets.
        if value is not None and type(value) is not int:
            raise ProtocolError(f"expected a place in a text, got {str(value)[:80]!r}")
