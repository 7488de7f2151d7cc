"""The events that stream an output item, by its type.

Sources: v2/prompt_text_stream.json, v2/function_tool_stream.json, v2/file_search_stream.json,
v2/workflow_stream.json, v2/a2a_stream.json, v2/browser_automation_keepalive_stream.json; the other
types follow OpenAI's order and were not recorded on Foundry.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeAlias

from ..agent.foundry_tools import FoundryTool
from ..agent.replies import Failed, Text
from ..agent.server_tools import GeneratedImage
from ..text import tokens
from ..world.turns import Wait

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...jsonio import JSON
    from ..agent.replies import Part
    from ..world.state import World

Event: TypeAlias = tuple[str, dict[str, Any]]


def stream_items(
    world: World, part: Part, items: Sequence[JSON], index: int, *, is_workflow: bool
) -> Iterator[Event | Wait]:
    """Stream the items of one part, and wait while its tool works.

    A workflow action that sends a message stays open while the message is streamed.
    """
    if is_workflow and len(items) == 2:
        action, message = items
        yield _added(action, {}, index)
        yield from _stream_item(world, Text(deltas=(_message_text(message),)), message, index + 1)
        yield _done(action, index)
        return
    for number, item in enumerate(items, index):
        yield from _stream_item(world, part, item, number)


def _message_text(message: JSON) -> str:
    return str(message["content"][0]["text"])


def _stream_item(world: World, part: Part, item: JSON, index: int) -> Iterator[Event | Wait]:
    """Stream one item; an item that failed half-way gets no closing events."""
    opening, inner = _STREAMED.get(item["type"]) or _streamed_tool(item["type"])
    yield _added(item, opening, index)
    if isinstance(part, FoundryTool) and item["type"] == part.item_type:
        yield Wait(part.seconds)
    for event, fields in inner(world, part, item):
        if isinstance(part, Failed) and event.endswith(".done"):
            return
        place = {"item_id": item["id"], "output_index": index}
        yield event, {**place, **fields}
    yield _done(item, index)


def _streamed_tool(kind: str) -> tuple[JSON, _Inner]:
    """Stream a tool of Foundry: recorded as opened and done, with nothing between."""
    if kind.endswith("_call_output"):
        return {"output": "[]"}, _nothing
    return ({"arguments": ""} if kind.endswith("_call") else {}), _nothing


def _added(item: JSON, opening: JSON, index: int) -> Event:
    status = {"status": "in_progress"} if "status" in item else {}
    begun = {key: value for key, value in opening.items() if key in item}
    fields = {"item": item | begun | status, "output_index": index}
    return "response.output_item.added", fields


def _done(item: JSON, index: int) -> Event:
    return "response.output_item.done", {"item": item, "output_index": index}


def _nothing(*_: object) -> Iterator[Event]:
    return iter(())


def _stream_message(world: World, part: Part, item: JSON) -> Iterator[Event]:
    for position, content in enumerate(item["content"]):
        place = {"content_index": position}
        inner = _stream_refusal if content["type"] == "refusal" else _stream_text
        for event, fields in inner(world, part, content):
            yield event, place | fields


def _stream_text(world: World, part: Part, content: JSON) -> Iterator[Event]:
    blank = content | {"annotations": [], "text": ""}
    waiting, length = list(enumerate(content["annotations"])), 0
    # Recorded: a workflow's deltas have no padding.
    padded = "logprobs" in content
    sort = _alphabetical if padded else dict
    yield "response.content_part.added", {"part": sort(blank)}
    for delta in _deltas(part, content["text"]):
        noise = {"obfuscation": world.ids.padding(delta)} if padded else {}
        yield "response.output_text.delta", {"delta": delta, "logprobs": [], **noise}
        length += len(delta)
        while waiting and _place(waiting[0][1]) <= length:
            number, annotation = waiting.pop(0)
            event = "response.output_text.annotation.added"
            yield event, {"annotation": sort(annotation), "annotation_index": number}
    yield "response.output_text.done", {"logprobs": [], "text": content["text"]}
    yield "response.content_part.done", {"part": sort(content)}


def _alphabetical(value: JSON) -> JSON:
    """Sort the keys of a part inside an event behind its type, as recorded."""
    ordered = {"type": value["type"], **dict(sorted(value.items()))}
    if ordered.get("annotations"):
        ordered["annotations"] = [_alphabetical(one) for one in ordered["annotations"]]
    return ordered


def _place(annotation: JSON) -> int:
    return int(annotation.get("end_index") or annotation.get("index") or 0)


def _deltas(part: Part, text: str) -> Sequence[str]:
    given = part.deltas if isinstance(part, Text) else None
    return tokens.pieces(text) if given is None else given


def _stream_refusal(world: World, _: Part, content: JSON) -> Iterator[Event]:
    yield "response.content_part.added", {"part": content | {"refusal": ""}}
    for delta in tokens.pieces(content["refusal"]):
        noise = {"obfuscation": world.ids.padding(delta)}
        yield "response.refusal.delta", {"delta": delta, **noise}
    yield "response.refusal.done", {"refusal": content["refusal"]}
    yield "response.content_part.done", {"part": content}


def _stream_arguments(kind: str) -> Callable[[World, JSON], Iterator[Event]]:
    def stream(world: World, item: JSON) -> Iterator[Event]:
        for delta in tokens.pieces(item["arguments"]):
            noise = {"obfuscation": world.ids.padding(delta)}
            yield f"response.{kind}_arguments.delta", {"delta": delta, **noise}
        done = {"arguments": item["arguments"]}
        if world.rules.era == "sdk" and kind == "function_call":  # recorded without
            done["name"] = item["name"]
        yield f"response.{kind}_arguments.done", done

    return stream


_stream_function_arguments = _stream_arguments("function_call")
_stream_mcp_arguments = _stream_arguments("mcp_call")


def _stream_function_call(world: World, _: Part, item: JSON) -> Iterator[Event]:
    return _stream_function_arguments(world, item)


def _progress(kind: str, *stages: str) -> Callable[[World, Part, JSON], Iterator[Event]]:
    def stream(*_: object) -> Iterator[Event]:
        return ((f"response.{kind}.{stage}", {}) for stage in stages)

    return stream


def _stream_code(world: World, _: Part, item: JSON) -> Iterator[Event]:
    kind = "response.code_interpreter_call"
    yield f"{kind}.in_progress", {}
    for delta in tokens.pieces(item["code"]):
        noise = {"obfuscation": world.ids.padding(delta)}
        yield f"{kind}_code.delta", {"delta": delta, **noise}
    yield f"{kind}_code.done", {"code": item["code"]}
    yield f"{kind}.interpreting", {}
    yield f"{kind}.completed", {}


def _stream_image(_: World, part: Part, __: JSON) -> Iterator[Event]:
    kind = "response.image_generation_call"
    yield f"{kind}.in_progress", {}
    yield f"{kind}.generating", {}
    for number, data in enumerate(part.partial if isinstance(part, GeneratedImage) else ()):
        fields = {"partial_image_b64": data, "partial_image_index": number}
        yield f"{kind}.partial_image", fields
    yield f"{kind}.completed", {}


def _stream_mcp_call(world: World, _: Part, item: JSON) -> Iterator[Event]:
    yield "response.mcp_call.in_progress", {}
    yield from _stream_mcp_arguments(world, item)
    yield f"response.mcp_call.{item['status']}", {}


def _stream_reasoning(world: World, _: Part, item: JSON) -> Iterator[Event]:
    kind = "response.reasoning_summary"
    for number, summary in enumerate(item["summary"]):
        place, text = {"summary_index": number}, summary["text"]
        yield f"{kind}_part.added", {**place, "part": summary | {"text": ""}}
        for delta in tokens.pieces(text):
            noise = {"obfuscation": world.ids.padding(delta)}
            yield f"{kind}_text.delta", {**place, "delta": delta, **noise}
        yield f"{kind}_text.done", {**place, "text": text}
        yield f"{kind}_part.done", {**place, "part": summary}


def _stream_consent(_: World, __: Part, item: JSON) -> Iterator[Event]:
    # Reported by users of the service; no SDK knows this event.
    fields = {"consent_link": item["consent_link"]}
    yield "response.oauth_consent_requested", fields


_Inner: TypeAlias = Callable[["World", "Part", "JSON"], Iterator[Event]]
_SEARCH = ("in_progress", "searching", "completed")

# By item type: what is still missing when it is added, and the events until it is done. Types
# that are not here have none.
_STREAMED: dict[str, tuple[JSON, _Inner]] = {
    "message": ({"content": []}, _stream_message),
    "function_call": ({"arguments": ""}, _stream_function_call),
    "file_search_call": ({"queries": []}, _progress("file_search_call", *_SEARCH)),
    "web_search_call": ({}, _progress("web_search_call", *_SEARCH)),
    "code_interpreter_call": ({"code": "", "outputs": None}, _stream_code),
    "image_generation_call": ({"result": None}, _stream_image),
    "mcp_list_tools": (
        {"tools": []},
        _progress("mcp_list_tools", "in_progress", "completed"),
    ),
    "mcp_call": ({"arguments": "", "output": None}, _stream_mcp_call),
    "reasoning": ({"summary": []}, _stream_reasoning),
    "oauth_consent_request": ({}, _stream_consent),
}
