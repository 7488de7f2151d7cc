"""The results of content filters, in the shapes of chat and text completions.

Sources: chat_stream_dated_gpt41mini, chat_parallel_tools_gpt5nano_dated,
chat_vision_gpt4o_dated, chat_completion_content_filtered, chat_stream_async_filter_blocklist,
error_400_prompt_content_filter. That an answer that no blocklist filtered was filtered for violence
is the emulator's choice; so is what a blocklist that found nothing says of an answer.
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


def _lists(blocked_by: str) -> JSON:
    """Build the result of blocklists; recorded: those that found nothing have no details."""
    if not blocked_by:
        return {"custom_blocklists": {"filtered": False}}
    details = [{"filtered": True, "id": blocked_by}]
    return {"custom_blocklists": {"details": details, "filtered": True}}


def prompt_results(*, has_images: bool = False, has_lists: bool = False) -> list[JSON]:
    """Build the results of a prompt that passed; with images the key is spelt otherwise.

    Args:
        has_images: The prompt has images.
        has_lists: The deployment has blocklists.
    """
    if has_images:
        lists: Any = {"custom_blocklists": {"filtered": False, "details": []}}
        return [
            {"prompt_index": 1, "content_filter_result": _harms() | lists},
            {"prompt_index": 0, "content_filter_result": {}},
        ]
    results = _harms() | {"jailbreak": dict(_NOT_DETECTED)} | (_lists("") if has_lists else {})
    return [{"prompt_index": 0, "content_filter_results": dict(sorted(results.items()))}]


def answer_results(
    *, is_filtered: bool = False, has_lists: bool = False, blocked_by: str = ""
) -> JSON:
    """Build the results of an answer with text.

    Args:
        is_filtered: The answer was filtered.
        has_lists: The deployment has blocklists.
        blocked_by: The id of the blocklist that filtered it.
    """
    if blocked_by:
        return _lists(blocked_by) | _harms()
    if is_filtered:
        return _harms() | {"violence": dict(_FOUND)}
    results = _harms() | protected_results() | (_lists("") if has_lists else {})
    return dict(sorted(results.items()))


def late_results(*, has_lists: bool, blocked_by: str) -> list[JSON]:
    """Build what the asynchronous filter says of an answer that was sent: two parts, as recorded.

    Args:
        has_lists: The deployment has blocklists.
        blocked_by: The id of the blocklist that has a word of the answer.
    """
    lists = _lists(blocked_by) if has_lists else {}
    return [lists | _harms(), protected_results()]


def protected_results() -> JSON:
    """Build the results of the search for protected material, which finds none."""
    protected = ("protected_material_code", "protected_material_text")
    return {name: dict(_NOT_DETECTED) for name in protected}


def image_results() -> JSON:
    """Build what an image and its prompt are told to be, in the item of the image."""
    profanity: Any = {"profanity": dict(_NOT_DETECTED)}
    prompt = dict(sorted((_harms() | profanity).items()))
    return {"content_filter_results": _harms(), "prompt_filter_results": prompt}


def plain_results() -> JSON:
    """Build the results of text completions, which know harms only."""
    return _harms()


def filtered_prompt(blocked_by: str = "") -> JSON:
    """Build the result that a refused prompt names; of a blocklist a guess."""
    return _lists(blocked_by) | _harms() if blocked_by else _harms() | {"violence": dict(_FOUND)}
