"""What a model can do, as far as its name tells."""

from __future__ import annotations

import re
from typing import Literal, TypeAlias

Operation: TypeAlias = Literal[
    "chatCompletion",
    "completion",
    "embeddings",
    "imageGenerations",
    "messages",
    "speech",
    "transcription",
]

_BY_WORD: tuple[tuple[Operation, re.Pattern[str]], ...] = (
    ("messages", re.compile(r"^claude")),
    ("imageGenerations", re.compile(r"dall-e|gpt-image|flux")),
    ("speech", re.compile(r"(?<![a-z])tts(?![a-z])")),
    ("transcription", re.compile(r"whisper|transcribe")),
    ("embeddings", re.compile(r"embedding|(?<![a-z])ada(?![a-z])|embed-")),
    ("completion", re.compile(r"instruct|davinci|babbage")),
)
# Models of Foundry that are not OpenAI's answer in a form of their own.
_FOUNDRY = re.compile(
    r"grok|llama|mistral|mixtral|ministral|codestral|phi-|deepseek|cohere|command-|jamba|qwen|kimi"
    r"|glm-|gpt-oss|mai-"
)
_TOOLS_ELSEWHERE = re.compile(r"gpt-5\.[456]")
_O_SERIES = re.compile(r"(?<![a-z0-9])o[134](?![a-z0-9])")


def operation_of(model: str) -> Operation:
    """Return the one operation that the emulator serves for a model."""
    name = model.lower()
    found = (operation for operation, words in _BY_WORD if words.search(name))
    return next(found, "chatCompletion")


def is_of_foundry(model: str) -> bool:
    """Whether the model is neither OpenAI's nor Anthropic's."""
    return _FOUNDRY.search(model.lower()) is not None


def is_o_series(model: str) -> bool:
    """Whether this is o1, o3 or o4, in any size."""
    return _O_SERIES.search(model.lower()) is not None


def reasons(model: str) -> bool:
    """Whether the model reasons before it answers: the o-series and gpt-5, but not its chat."""
    name = model.lower()
    return is_o_series(name) or ("gpt-5" in name and "gpt-5-chat" not in name)


def refuses_tools(model: str, effort: str | None) -> bool:
    """Whether a chat with this effort takes no function tools: quoted of gpt-5.4 and later.

    gpt-5.6 reasons unless it is told not to, so there no effort is as good as one.
    """
    found = _TOOLS_ELSEWHERE.search(model.lower())
    unasked = "medium" if found and found[0] == "gpt-5.6" else "none"
    return found is not None and (effort or unasked) != "none"
