"""What a token says of itself: who issued it, to whom, for what, until when; never the token."""

from __future__ import annotations

import base64
import binascii

from ..errors import ProtocolError
from ..jsonio import JSON, load_object
from .sources import Token

_CLAIMS = ("aud", "iss", "tid", "oid", "appid", "azp", "exp")


def claims_of(token: Token) -> JSON:
    """Read the claims that help to find a mistake; {} of a key and of a token in no known form.

    Args:
        token: A JSON web token, or anything else.
    """
    _, _, rest = token.value.reveal().partition(".")
    payload, dot, _ = rest.partition(".")
    if not dot:
        return {}
    try:
        found = load_object(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (binascii.Error, ValueError, ProtocolError):
        return {}
    return {name: found[name] for name in _CLAIMS if name in found}
