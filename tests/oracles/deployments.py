"""The deployments that the oracles of models ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azure_agents.emulator import Failed, Parts, Reasoning, Refusal, Text, ToolCalls

if TYPE_CHECKING:
    from azure_agents.emulator import Emulator, Part, SeenTurn

_ON_DEMAND = {
    "call": ToolCalls(("get_weather", {"city": "Paris"})),
    "think": Parts(Reasoning("Let me see.", 20), Text("It is mild.")),
    "refuse": Refusal("I cannot."),
    "filter": Failed("content_filter"),
    "throttle": Failed("rate_limit_exceeded"),
    "overload": Failed("overloaded_error"),
    "break": Failed("server_error"),
}


def deploy_all(foundry: Emulator) -> None:
    """Deploy a model of every kind."""
    models = {
        "chat": "gpt-4o-2024-11-20",
        "reasoner": "gpt-5-mini-2025-08-07",
        "grok": "grok-4-1-fast",
        "voice": "gpt-4o-audio-preview",
        "claude": "claude-sonnet-4-5-20250929",
        "instruct": "gpt-35-turbo-instruct",
        "vectors": "text-embedding-3-small",
        "dall-e": "dall-e-3",
        "painter": "gpt-image-1",
        "speaker": "tts-1",
        "listener": "gpt-4o-transcribe",
        "whisper": "whisper",
    }
    for name, model in models.items():
        is_chat = name in {"chat", "reasoner", "grok", "voice", "claude"}
        is_drawn = name in {"dall-e", "painter", "vectors", "speaker"}
        foundry.deploy(name, None if is_drawn else say if is_chat else _hello, model=model)


def _hello(_: SeenTurn) -> Part:
    return Text("Hello there!")


def say(turn: SeenTurn) -> Part:
    """Do what the user asks for in a word.

    Args:
        turn: What the model sees.
    """
    if turn.messages[-1].role == "tool" or turn.messages[-1].tool_call_id:
        return Text("It is mild.")
    return _ON_DEMAND.get(turn.last_user_text, Text("Hello there!"))
