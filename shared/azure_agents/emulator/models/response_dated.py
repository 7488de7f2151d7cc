"""Responses on the dated surface, which answered in 2025 with fewer keys, and no filter results.

Sources: responses_dated_stream_gpt5nano (December 2025), responses_dated_create_get_delete_404
(August 2025, with fewer keys still). What this surface answers since was not recorded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ... import jsonio
from ..world.turns import Frame

if TYPE_CHECKING:
    from ...jsonio import JSON
    from ..world.rules import Era

_LATER = (
    "completed_at",
    "frequency_penalty",
    "moderation",
    "presence_penalty",
    "tool_usage",
)
_REASONING = ("effort", "summary")
_ORDER = ("type", "sequence_number", "response", "item_id", "output_index", "content_index", "text")


def as_dated(shown: JSON, era: Era = "ga") -> JSON:
    """Show a response of the surface without versions as the dated one does.

    Args:
        shown: The response.
        era: ``"sdk"`` keeps what the openai SDK requires.
    """
    kept = {key: value for key, value in shown.items() if key not in _LATER}
    kept |= {"content_filters": None, "prompt_cache_retention": None}
    kept["output"] = [_item(item) for item in shown["output"]]
    kept["reasoning"] = {key: shown["reasoning"][key] for key in _REASONING}
    if shown["usage"] is not None and era != "sdk":
        kept["usage"] = _usage(shown["usage"])
    return kept


def _item(item: JSON) -> JSON:
    if item["type"] != "reasoning":
        return item
    return {key: value for key, value in item.items() if key != "content"}


def _usage(counts: JSON) -> JSON:
    details = dict(counts["input_tokens_details"])
    details.pop("cache_write_tokens", None)
    return {key: details if key == "input_tokens_details" else counts[key] for key in counts}


def event_as_dated(step: Frame, era: Era = "ga") -> Frame:
    """Show an event of a stream likewise, its keys in the order of then."""
    data: dict[str, Any] = jsonio.load_object(step.data)
    if "response" in data:
        data["response"] = as_dated(data["response"], era)
    if "item" in data:
        data["item"] = _item(data["item"])
    first = {key: data[key] for key in _ORDER if key in data}
    return Frame(step.event, jsonio.dumps(first | data))
