"""The metadata of what a turn creates: the caller's pairs and the name of the operation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import InvalidRequestError
from ..naming import near
from ..settings.per_call import CALL_SETTINGS
from .neutral import is_neutral

# What a call takes at every door besides the options of its agent. A misspelt one comes here with
# the options, so it is offered as a correction.
_BESIDES = CALL_SETTINGS | {
    "metadata",
    "owner",
    "response_format",
    "stop",
    "thread_id",
    "tool_choice",
    "tools",
}
OPERATION = "azure_agents_operation"  # the key of the turn, so that what it creates can be found
PIECE = "azure_agents_piece"  # number of a message among those of a turn that are posted one by one
MAX_PAIRS = 15  # the service keeps 16, one of them names the operation


def encode_metadata(options: Mapping[str, Any], operation: str) -> dict[str, str]:
    """Return the metadata of a response or run.

    Raises:
        InvalidRequestError: Metadata that is no map of strings, or too many pairs.
    """
    metadata = options.get("metadata") or {}
    if not isinstance(metadata, Mapping) or not all(
        isinstance(k, str) and isinstance(v, str) for k, v in metadata.items()
    ):
        raise InvalidRequestError(f"metadata must map strings to strings, got {str(metadata)[:80]}")
    if len(metadata) > MAX_PAIRS:
        raise InvalidRequestError(
            f"metadata has {len(metadata)} pairs: the service keeps 16, one of them is used to "
            f"name the operation, so give at most {MAX_PAIRS}"
        )
    return {**metadata, OPERATION: operation}


def encode_named(
    options: Mapping[str, Any], sent_as: Mapping[str, str], refusals: Mapping[str, str], kind: str
) -> dict[str, Any]:
    """Return the options of a call under the names of the wire; None counts as absent.

    Args:
        options: As the caller gave them; ``metadata`` is left to `encode_metadata`, and neutral
            values are left out.
        sent_as: Option name to wire name.
        refusals: Option name to the advice for a refusal.
        kind: The subject of the refusal, such as ``a v2 agent``.

    Raises:
        InvalidRequestError: An option that is refused or unknown.
    """
    given = {n: v for n, v in options.items() if v is not None and n != "metadata"}
    given = {n: v for n, v in given.items() if not is_neutral(n, v)}
    for name, value in given.items():
        if name in refusals:
            raise InvalidRequestError(
                f"{name}={_shown(value)} is refused by {kind}: {refusals[name]}"
            )
        if name not in sent_as:
            # By its name alone: what an unknown option holds may be a secret (``azure_ad_token``).
            advice = near(name, {*_BESIDES, *sent_as, *refusals}) or ": leave it out"
            raise InvalidRequestError(f"{name!r} is no option of {kind}{advice}")
    return {sent_as[name]: value for name, value in given.items()}


def _shown(value: object) -> str:
    return repr(value)[:80]
