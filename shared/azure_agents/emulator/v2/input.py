"""The input of a response or conversation: its checks, and the items it becomes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..world import problems
from ..world.limits import kind_of
from ..world.problems import invalid_values

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...jsonio import JSON


_ROLES = ("user", "assistant", "system", "developer")
_INPUT_PARTS = ("input_text", "input_image", "input_file")
_OUTPUT_PARTS = ("output_text", "refusal")
_TEXT_KEYS = (
    "type",
    "role",
    "status",
    "id",
    "call_id",
    "name",
    "arguments",
    "output",
    "server_label",
    "approval_request_id",
)

# Prefix of an item's id, and the keys that an item of this type must have.
ITEM_TYPES: dict[str, tuple[str, tuple[str, ...]]] = {
    "message": ("msg", ("role", "content")),
    "function_call": ("fc", ("call_id", "name", "arguments")),
    "function_call_output": ("fco", ("call_id", "output")),
    "item_reference": ("ref", ("id",)),
    "reasoning": ("rs", ()),
    "file_search_call": ("fs", ()),
    "web_search_call": ("ws", ()),
    "code_interpreter_call": ("ci", ()),
    "image_generation_call": ("ig", ()),
    "mcp_list_tools": ("mcpl", ()),
    "mcp_approval_request": ("mcpr", ()),
    "mcp_approval_response": ("mcpa", ("approval_request_id", "approve")),
    "mcp_call": ("mcp", ()),
    "workflow_action": ("wfa", ()),
    "oauth_consent_request": ("oauthreq", ()),
    "computer_call": ("cu", ("call_id", "action")),
    # Not recorded: every recording ends with the first computer call.
    "computer_call_output": ("cuo", ("call_id", "output")),
    "memory_search_call": ("memupdateo", ()),
}


def item_type(kind: str) -> tuple[str, tuple[str, ...]]:
    """Prefix of an item's id, and the keys that an item of this type must have.

    Foundry's own tools come in an open family; recorded: with the prefixes of functions.
    """
    prefix = "fco" if kind.endswith("_call_output") else "fc" if kind.endswith("_call") else "item"
    return ITEM_TYPES.get(kind, (prefix, ()))


def read_items(given: object, root: str, make_id: Callable[[str], str]) -> list[JSON]:
    """Read posted items into their stored form: the long form, with ids.

    Args:
        given: A string, or a list of items, as posted.
        root: JSON pointer of the list, for error messages.
        make_id: Makes an id from a prefix.
    """
    if isinstance(given, str):
        given = [{"role": "user", "content": given}]
    if not isinstance(given, list):
        raise invalid_values([(root, f"Value is '{kind_of(given)}' but should be 'array'")])
    for index, item in enumerate(given):
        _check_item(item, f"{root}/{index}")
    return [_stored(item, make_id) for item in given]


def _check_item(item: object, pointer: str) -> None:
    if not isinstance(item, dict):
        raise invalid_values([(pointer, f"Value is '{kind_of(item)}' but should be 'object'")])
    kinds = {key: kind_of(item[key]) for key in _TEXT_KEYS if key in item}
    wrong = {key: kind for key, kind in kinds.items() if kind != "string"}
    if wrong.get("output") in {"array", "object"}:  # parts, or a picture
        del wrong["output"]
    if wrong:
        faults = ((f"{pointer}/{key}", kind) for key, kind in wrong.items())
        raise invalid_values(
            [(place, f"Value is '{kind}' but should be 'string'") for place, kind in faults]
        )
    kind = item.get("type", "message")
    if kind not in ITEM_TYPES and not str(kind).endswith(("_call", "_output")):
        raise invalid_values([(f"{pointer}/type", f"Value '{kind}' is not a known item type")])
    missing = [key for key in item_type(kind)[1] if key not in item]
    if missing:
        raise invalid_values(
            [(f"{pointer}/{key}", "Required property is missing") for key in missing]
        )
    if kind == "message":
        _check_message(item, pointer)
    elif "output" in item:
        _check_output(kind, item["output"], f"{pointer}/output")
    elif kind == "mcp_approval_response" and not isinstance(item["approve"], bool):
        sentence = f"Value is '{kind_of(item['approve'])}' but should be 'boolean'"
        raise invalid_values([(f"{pointer}/approve", sentence)])


def _check_output(kind: str, output: object, pointer: str) -> None:
    """Check a call's output: a text or parts; for a computer call a picture."""
    wanted = "object" if kind == "computer_call_output" else "array"
    if kind_of(output) not in ({wanted} if wanted == "object" else {wanted, "string"}):
        raise invalid_values([(pointer, f"Value is '{kind_of(output)}' but should be '{wanted}'")])
    for index, part in enumerate(output if isinstance(output, list) else ()):
        place = f"{pointer}/{index}"
        if not isinstance(part, dict):
            raise invalid_values([(place, f"Value is '{kind_of(part)}' but should be 'object'")])
        if part.get("type") not in _INPUT_PARTS:
            raise invalid_values(
                [(f"{place}/type", f"Value '{part.get('type')}' is not a known part")]
            )
        _check_part(part, place)


def _check_message(item: JSON, pointer: str) -> None:
    role, content = item["role"], item["content"]
    if role not in _ROLES:
        raise invalid_values([(f"{pointer}/role", f"Value '{role}' is not one of {list(_ROLES)}")])
    if isinstance(content, str):
        return
    if not isinstance(content, list):
        raise invalid_values(
            [(f"{pointer}/content", f"Value is '{kind_of(content)}' but should be 'array'")]
        )
    allowed = _OUTPUT_PARTS if role == "assistant" else _INPUT_PARTS
    for index, part in enumerate(content):
        kind = part.get("type") if isinstance(part, dict) else None
        if kind not in allowed:
            shown = " and ".join(f"'{name}'" for name in allowed)
            message = f"Invalid value: '{kind}'. Supported values are: {shown}."
            param = f"input{pointer[pointer.rindex('/') :]}.content[{index}]"
            raise problems.openai(400, message, param=param, code="invalid_value")
        _check_part(part, f"{pointer}/content/{index}")


# What a part of a message holds: one of these. The wording follows the other schema errors.
_PART_KEYS = {
    "input_text": ("text",),
    "output_text": ("text",),
    "refusal": ("refusal",),
    "input_image": ("image_url", "file_id"),
    "input_file": ("file_id", "file_data", "file_url"),
}


def _check_part(part: JSON, pointer: str) -> None:
    keys = _PART_KEYS[part["type"]]
    given = [key for key in keys if part.get(key) is not None]
    if not given:
        raise invalid_values([(f"{pointer}/{keys[0]}", "Required property is missing")])
    for key in given:
        if not isinstance(part[key], str):
            sentence = f"Value is '{kind_of(part[key])}' but should be 'string'"
            raise invalid_values([(f"{pointer}/{key}", sentence)])


def _stored(item: JSON, make_id: Callable[[str], str]) -> JSON:
    kind = item.get("type", "message")
    if kind == "item_reference":
        return item
    prefix = item_type(kind)[0]
    stored: JSON = {"type": kind, "id": item.get("id") or make_id(prefix)}
    stored |= {key: value for key, value in item.items() if key not in {"type", "id"}}
    if kind == "message":
        stored["content"] = _long_content(item["role"], item["content"])
    if kind in {"message", "function_call", "function_call_output"}:
        stored["status"] = item.get("status", "completed")
    return stored


def _long_content(role: str, content: object) -> object:
    if not isinstance(content, str):
        return content
    if role == "assistant":
        return [{"type": "output_text", "text": content, "annotations": []}]
    return [{"type": "input_text", "text": content}]


# Kinds of call that the caller answers, in OpenAI's words; of computers they are not recorded.
_ANSWERED = {"function_call": "function call", "computer_call": "computer call"}


def check_calls(context: list[JSON], inputs: list[JSON]) -> None:
    """Refuse calls without an output, and outputs without an open call."""
    unanswered: dict[tuple[str, str], JSON] = {}
    for position, item in enumerate([*context, *inputs]):
        kind, call_id = item["type"], item.get("call_id", "")
        asked = kind.removesuffix("_output")
        if kind in _ANSWERED:
            unanswered[kind, call_id] = item
        elif asked in _ANSWERED and not unanswered.pop((asked, call_id), None):
            if position < len(context):
                continue  # posted to the conversation earlier, where it was not checked
            name = _ANSWERED[asked]
            message = f"No tool call found for {name} output with call_id {call_id}."
            raise problems.openai(400, message, param="input")
    for kind, call_id in unanswered:
        message = f"No tool output found for {_ANSWERED[kind]} {call_id}."
        raise problems.openai(400, message, param="input")


def check_approvals(context: list[JSON], inputs: list[JSON]) -> None:
    """Refuse an approval whose request is unknown; the wording was not recorded."""
    items = (*context, *inputs)
    asked = {item["id"] for item in items if item["type"] == "mcp_approval_request"}
    for item in inputs:
        if item["type"] == "mcp_approval_response" and item["approval_request_id"] not in asked:
            id = item["approval_request_id"]
            message = f"No approval request found for approval response with id {id}."
            raise problems.openai(400, message, param="input")


def check_ids(context: list[JSON], inputs: list[JSON]) -> None:
    """Refuse an item that the service already has.

    The sentence is OpenAI's; it was not recorded on Foundry.
    """
    known = {item["id"] for item in context}
    for item in inputs:
        if item["type"] != "item_reference" and item["id"] in known:
            message = (
                f"Duplicate item found with id {item['id']}. "
                f"Remove duplicate items from your input and try again."
            )
            raise problems.openai(400, message, param="input")
        known.add(item["id"])
