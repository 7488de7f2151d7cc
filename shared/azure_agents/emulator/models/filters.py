"""The results of content filters, in the shapes of chat and text completions.

Sources: chat_stream_dated_gpt41mini, chat_parallel_tools_gpt5nano_dated,
chat_vision_gpt4o_dated, chat_completion_content_filtered, error_400_prompt_content_filter. That a
filtered answer was filtered for violence is the emulator's choice: a blocklist did it in the
recording.
"""

from __future__ import annotations

from typing import Any

from ...jsonio import JSON

_HARMS = ("hate", "self_harm", "sexual", "violence")
_SAFE = {"filtered": False, "severity": "safe"}
_FOUND = {"filtered": True, "severity": "medium"}
_NOT_DETECTED = {"detected": False, "filtered": False}


def _harms() -> JSON:
    return {name: dict(_SAFE) for name in _HARMS}


def prompt_results(*, has_images: bool = False) -> list[JSON]:
    """Build the results of a prompt that passed; with images the key is spelt otherwise."""
    if has_images:
        lists: Any = {"custom_blocklists": {"filtered": False, "details": []}}
        return [
            {"prompt_index": 1, "content_filter_result": _harms() | lists},
            {"prompt_index": 0, "content_filter_result": {}},
        ]
    results = _harms() | {"jailbreak": dict(_NOT_DETECTED)}
    return [{"prompt_index": 0, "content_filter_results": dict(sorted(results.items()))}]


def answer_results(*, is_filtered: bool = False) -> JSON:
    """Build the results of an answer with text."""
    if is_filtered:
        return _harms() | {"violence": dict(_FOUND)}
    protected = ("protected_material_code", "protected_material_text")
    results = _harms() | {name: dict(_NOT_DETECTED) for name in protected}
    return dict(sorted(results.items()))


def image_results() -> JSON:
    """Build what an image and its prompt are told to be, in the item of the image."""
    profanity: Any = {"profanity": dict(_NOT_DETECTED)}
    prompt = dict(sorted((_harms() | profanity).items()))
    return {"content_filter_results": _harms(), "prompt_filter_results": prompt}


def plain_results() -> JSON:
    """Build the results of text completions, which know harms only."""
    return _harms()


def filtered_prompt() -> JSON:
    """Build the result that a refused prompt names."""
    return _harms() | {"violence": dict(_FOUND)}
