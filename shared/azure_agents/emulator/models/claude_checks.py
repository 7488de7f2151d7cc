"""Check a request to Claude: fields, turns, calls that are followed by results, signatures.

The sentences are Anthropic's, quoted by users; none of them was recorded through Foundry.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .claude_objects import signature_of
from .claude_reading import blocks_of

if TYPE_CHECKING:
    from ...jsonio import JSON
    from ..world.problems import Problem

Refuse = Callable[[str], "Problem"]
Blocks = Mapping[str, tuple[str, ...]]

_KNOWN = frozenset(
    (
        "cache_control",
        "container",
        "context_management",
        "inference_geo",
        "max_tokens",
        "mcp_servers",
        "messages",
        "metadata",
        "model",
        "output_config",
        "output_format",
        "service_tier",
        "stop_sequences",
        "stream",
        "system",
        "temperature",
        "thinking",
        "tool_choice",
        "tools",
        "top_k",
        "top_p",
    )
)
_BLOCKS = {
    "user": ("text", "image", "document", "tool_result", "search_result"),
    "assistant": ("text", "thinking", "redacted_thinking", "tool_use"),
}
_SYSTEM = {"system": ("text",)}
# Claude Code sends system messages in the middle with this in ``anthropic-beta``; documented for
# Anthropic's own API, and that Foundry takes it is a guess.
_MID_SYSTEM = "mid-conversation-system-2026-04-07"
_SERVER_TOOLS = ("web_search_", "web_fetch_", "code_execution_")
_LEAST_BUDGET = 1024


def check_messages_request(
    body: JSON, refuse: Refuse, *, betas: str = "", counts: bool = False
) -> None:
    """Refuse what Claude cannot take.

    Args:
        body: The request's.
        refuse: Builds the 400 from a sentence.
        betas: The header ``anthropic-beta``.
        counts: Whether tokens are only counted: then no limit of the answer is needed.
    """
    for name in body:
        if name not in _KNOWN:
            raise refuse(f"{name}: Extra inputs are not permitted")
    for name in ("model", "messages") if counts else ("model", "max_tokens", "messages"):
        if body.get(name) is None:
            raise refuse(f"{name}: Field required")
    if not counts:
        _check_number(body, "max_tokens", 1, refuse)
    _check_shapes(body, refuse)
    _check_range(body, refuse)
    _check_thinking(body, refuse)
    _check_tools(body, refuse)
    blocks = {**_BLOCKS, **_SYSTEM} if _MID_SYSTEM in betas else _BLOCKS
    _check_turns(body["messages"], blocks, refuse)


def _check_number(body: JSON, name: str, least: int, refuse: Refuse) -> None:
    value = body[name]
    if not isinstance(value, int) or isinstance(value, bool):
        raise refuse(f"{name}: Input should be a valid integer")
    if value < least:
        raise refuse(f"{name}: Input should be greater than or equal to {least}")


def _check_shapes(body: JSON, refuse: Refuse) -> None:
    for name in ("thinking", "tool_choice"):
        if not isinstance(body.get(name), dict | None):
            raise refuse(f"{name}: Input should be a valid dictionary or object")
    tools = body.get("tools")
    if tools is not None and not (
        isinstance(tools, list) and all(isinstance(tool, dict) for tool in tools)
    ):
        raise refuse("tools: Input should be a valid list")
    system = body.get("system")
    if not isinstance(system, str | list | None):
        raise refuse("system: Input should be a valid list")
    for place, block in enumerate(system if isinstance(system, list) else ()):
        _check_block(block, ("text",), f"system.{place}", refuse)


def _check_range(body: JSON, refuse: Refuse) -> None:
    for name in ("temperature", "top_p"):
        value = body.get(name)
        if value is None:
            continue
        if not isinstance(value, int | float):
            raise refuse(f"{name}: Input should be a valid number")
        if not 0 <= value <= 1:
            raise refuse(f"{name}: range: 0..1")


def _check_thinking(body: JSON, refuse: Refuse) -> None:
    thinking = body.get("thinking") or {}
    if thinking.get("type") not in {None, "enabled", "disabled", "adaptive"}:
        raise refuse("thinking: Input tag does not match any of the expected tags")
    if thinking.get("type") != "enabled":
        return
    budget = thinking.get("budget_tokens")
    if not isinstance(budget, int):
        raise refuse("thinking.enabled.budget_tokens: Field required")
    if budget < _LEAST_BUDGET:
        sentence = f"Input should be greater than or equal to {_LEAST_BUDGET}"
        raise refuse(f"thinking.enabled.budget_tokens: {sentence}")
    if budget >= body.get("max_tokens", budget + 1):
        raise refuse("`max_tokens` must be greater than `thinking.budget_tokens`")
    if body.get("temperature") not in {None, 1}:
        raise refuse("`temperature` may only be set to 1 when thinking is enabled")
    if (body.get("tool_choice") or {}).get("type") in {"any", "tool"}:
        raise refuse("Thinking may not be enabled when tool_choice forces tool use.")


def _check_tools(body: JSON, refuse: Refuse) -> None:
    tools, choice = body.get("tools") or [], body.get("tool_choice")
    for index, tool in enumerate(tools):
        if str(tool.get("type", "")).startswith(_SERVER_TOOLS):
            raise refuse(f"tools.{index}: server tools are not supported by this deployment")
        if not isinstance(tool.get("name"), str):
            raise refuse(f"tools.{index}.custom.name: Field required")
        if tool.get("type", "custom") == "custom" and not isinstance(
            tool.get("input_schema"), dict
        ):
            raise refuse(f"tools.{index}.custom.input_schema: Field required")
    if choice is None:
        return
    if choice.get("type") not in {"auto", "any", "tool", "none"}:
        raise refuse("tool_choice: Input tag does not match any of the expected tags")
    if not tools:
        raise refuse("tool_choice: may only be specified while providing tools")
    if choice["type"] == "tool" and choice.get("name") not in [tool["name"] for tool in tools]:
        raise refuse(f"Tool '{choice.get('name')}' not found in provided tools")


def _check_turns(turns: Any, blocks: Blocks, refuse: Refuse) -> None:
    if not isinstance(turns, list):
        raise refuse("messages: Input should be a valid list")
    if not turns:
        raise refuse("messages: at least one message is required")
    for index, turn in enumerate(turns):
        _check_turn(turn, index, blocks, refuse, is_last=index == len(turns) - 1)
    if turns[0]["role"] != "user":
        raise refuse('messages: first message must use the "user" role')
    _check_calls(turns, refuse)


def _check_turn(turn: Any, index: int, blocks: Blocks, refuse: Refuse, *, is_last: bool) -> None:
    role = turn.get("role") if isinstance(turn, dict) else None
    kinds = blocks.get(str(role))
    if kinds is None:
        raise refuse(
            f'messages: Unexpected role "{role}". The Messages API accepts a top-level `system` '
            "parameter, and the roles user and assistant."
        )
    content = turn.get("content")
    if not isinstance(content, str | list):
        raise refuse(f"messages.{index}.content: Field required")
    if not content and not (is_last and role == "assistant"):
        raise refuse(
            f"messages.{index}: all messages must have non-empty content except for the optional "
            "final assistant message"
        )
    for place, block in enumerate(blocks_of(content)):
        _check_block(block, kinds, f"messages.{index}.content.{place}", refuse)


def _check_block(block: Any, kinds: tuple[str, ...], place: str, refuse: Refuse) -> None:
    kind = block.get("type") if isinstance(block, dict) else None
    if kind not in kinds:
        raise refuse(f"{place}: Input tag '{kind}' does not match any of the expected tags")
    if kind == "text" and not block.get("text"):
        raise refuse(f"{place}: text content blocks must be non-empty")
    if kind == "tool_use" and not isinstance(block.get("input"), dict):
        raise refuse(f"{place}.tool_use.input: Input should be a valid dictionary")
    if kind == "thinking" and block.get("signature") != signature_of(block.get("thinking", "")):
        raise refuse(f"{place}: Invalid `signature` in `thinking` block")


def _check_calls(turns: Sequence[JSON], refuse: Refuse) -> None:
    called: list[str] = []
    for index, turn in enumerate(turns):
        blocks = blocks_of(turn["content"])
        results = [one["tool_use_id"] for one in blocks if one["type"] == "tool_result"]
        for id in results:
            if id not in called:
                raise refuse(
                    f"messages.{index}: unexpected `tool_use_id` found in `tool_result` blocks: "
                    f"{id}. Each `tool_result` block must have a corresponding `tool_use` block in "
                    "the previous message."
                )
        _check_answered(called, results, index - 1, refuse)
        called = [block["id"] for block in blocks if block["type"] == "tool_use"]
    _check_answered(called, [], len(turns) - 1, refuse)


def _check_answered(called: list[str], results: list[str], index: int, refuse: Refuse) -> None:
    left = [id for id in called if id not in results]
    if left:
        raise refuse(
            f"messages.{index}: `tool_use` ids were found without `tool_result` blocks immediately "
            f"after: {', '.join(left)}. Each `tool_use` block must have a corresponding "
            "`tool_result` block in the next message."
        )
