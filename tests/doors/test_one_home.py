"""What the three doors share has one home in the core: every door uses it, and none has its own."""

from __future__ import annotations

import ast
import functools
import operator
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import pytest
from langchain_core.messages import AIMessage, FunctionMessage, HumanMessage
from llama_index.core.base.llms.types import ChatMessage, ImageBlock, TextBlock

import langchain_azure_agents as lc
import llamaindex_azure_agents as li
from azure_agents import completion, jsonio
from azure_agents.client import pair
from azure_agents.content import approvals, calls, joins, media, parts, stop
from azure_agents.emulator import Citation, Emulator, McpApproval, Parts, Reasoning, Text
from azure_agents.protocols import turn

# The job -> the one function that does it.
HOMES: dict[str, Callable[..., Any]] = {
    "read an image or a file": media.media,
    "read a data URL": media.split_data_url,
    "read stop texts": stop.stop_texts,
    "read a decision, which only True approves": approvals.reply_of,
    "list what an answer asks": approvals.asked_by,
    "read what an answer asked": approvals.asks_of,
    "read what became of decisions": approvals.outcomes_of,
    "find the newest answer": parts.newest_of,
    "read a function call": calls.written_call,
    "number the calls of functions, which had no ids": calls.function_call_id,
    "join reasoning": joins.reasoning_of,
    "join refusals": joins.refusal_of,
    "join the deltas of a stream": joins.JoinedText.add,
    "find citations and their texts": joins.cited,
    "find the text of a citation in a stream": joins.JoinedText.begin_of,
    "count citations from the start of the whole text": joins.span_of,
    "keep what is known": jsonio.known_fields,
    "hold the clients behind a model": pair.ClientPair.sync,
    "give a request its root and its version": turn.Turn.route,
}
# LlamaIndex answers a call without an id under the name of its tool, and shows citations in the
# last chunk of a stream only, which is made from the whole answer.
OTHERWISE = {
    "llamaindex": {
        "number the calls of functions, which had no ids",
        "find the text of a citation in a stream",
    }
}
NAMES = {home.__name__ for home in HOMES.values() if "." not in home.__qualname__}
ROOT = Path(__file__).parents[2]
DOORS = {
    "langchain": ROOT / "langchain_azure_agents",
    "llamaindex": ROOT / "llamaindex_azure_agents",
    "completion": ROOT / "shared" / "azure_agents" / "completions",
}
FRAMEWORKS = ROOT / "shared" / "azure_agents" / "frameworks"

PIXEL = "data:image/png;base64,aGk="
ASKS = McpApproval("files", "delete", "{}")
ANSWER = [
    Reasoning("First."),
    Reasoning("Then."),
    Text("Sky. ", citations=[Citation("url", 0, 3, url="https://a.test")]),
    Text("Sea.", citations=[Citation("url", 0, 3, url="https://b.test")]),
    ASKS,
]


def langchain(model: str, connection: dict[str, Any], way: str) -> dict[str, Any]:
    """Ask with a picture behind an old function call, and approve; gives what the answer says."""
    llm = lc.ChatAzureAgent(model=model, stop="never", **connection)
    legacy = {"function_call": {"name": "look", "arguments": "{}"}}
    picture = {"type": "image_url", "image_url": {"url": PIXEL}}
    history: list[Any] = [
        HumanMessage("hi"),
        AIMessage("", additional_kwargs=legacy),
        FunctionMessage("nothing", name="look"),
        HumanMessage([{"type": "text", "text": "look"}, picture]),
    ]
    if way == "whole":
        answer = llm.invoke(history)
    else:
        answer = functools.reduce(operator.add, llm.stream(history))
    llm.invoke([*history, answer, lc.decide(answer, True)])
    extra = answer.additional_kwargs
    return {
        "text": answer.content,
        "reasoning": extra["reasoning_content"],
        "citations": [(one["start_index"], one["end_index"]) for one in extra["annotations"]],
        "requests": answer.response_metadata["approval_requests"],
    }


def llamaindex(model: str, connection: dict[str, Any], way: str) -> dict[str, Any]:
    """The same through LlamaIndex."""
    llm = li.AzureAgentLLM(model, **connection)
    legacy = {"function_call": {"name": "look", "arguments": "{}"}}
    history = [
        ChatMessage("hi"),
        ChatMessage("", role="assistant", additional_kwargs=legacy),
        ChatMessage("nothing", role="function", additional_kwargs={"name": "look"}),
        ChatMessage(blocks=[TextBlock(text="look"), ImageBlock(url=PIXEL)]),
    ]
    if way == "whole":
        answer = llm.chat(history, stop="never")
    else:
        *_, answer = llm.stream_chat(history, stop="never")
    llm.chat([*history, answer.message, li.decide(answer, True)])
    raw = answer.raw
    return {
        "text": "".join(b.text for b in answer.message.blocks if isinstance(b, TextBlock)),
        "reasoning": answer.message.blocks[0].content,
        "citations": [(one["start_index"], one["end_index"]) for one in raw["annotations"]],
        "requests": raw["approval_requests"],
    }


def openai_format(model: str, connection: dict[str, Any], way: str) -> dict[str, Any]:
    """The same through `completion`."""
    options = {"api_base": connection.pop("endpoint"), "stop": "never", **connection}
    call = {"name": "look", "arguments": "{}"}
    picture = {"type": "image_url", "image_url": {"url": PIXEL}}
    history: list[Any] = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": None, "function_call": call},
        {"role": "function", "name": "look", "content": "nothing"},
        {"role": "user", "content": [{"type": "text", "text": "look"}, picture]},
    ]
    if way == "whole":
        message = completion(model, history, **options).choices[0].message.model_dump()
    else:
        message = _sum(completion(model, history, stream=True, **options))
    [request] = message["provider_specific_fields"]["approval_requests"]
    yes = {"type": "approval_reply", "request_id": request["id"], "approve": True}
    completion(model, [*history, message, {"role": "user", "content": [yes]}], **options)
    sources = [one["url_citation"] for one in message["annotations"]]
    return {
        "text": message["content"],
        "reasoning": message["reasoning_content"],
        "citations": [(one["start_index"], one["end_index"]) for one in sources],
        "requests": [request],
    }


def _sum(chunks: Any) -> dict[str, Any]:
    total: dict[str, Any] = {"role": "assistant"}
    for delta in (chunk.choices[0].delta.model_dump() for chunk in chunks if chunk.choices):
        for name in ("content", "reasoning_content"):
            total[name] = (total.get(name) or "") + (delta.get(name) or "")
        total["annotations"] = [*total.get("annotations", ()), *(delta.get("annotations") or ())]
        total["provider_specific_fields"] = delta.get("provider_specific_fields")
    return total


ASK = {"langchain": langchain, "llamaindex": llamaindex, "completion": openai_format}


def talk(door: str, way: str) -> tuple[dict[str, Any], set[str]]:
    """What the answer says at a door, and which jobs were done by their homes meanwhile."""
    ran: set[CodeType] = set()

    def watch(frame: FrameType, _event: str, _arg: object) -> None:
        ran.add(frame.f_code)

    with Emulator() as foundry:
        agent = foundry.create_agent("helper", [Parts(*ANSWER), "Done."], generation="v2")
        threading.setprofile(watch)
        sys.setprofile(watch)
        try:
            said = ASK[door](agent.model, foundry.connection(), way)
        finally:
            sys.setprofile(None)
            threading.setprofile(None)
    return said, {job for job, home in HOMES.items() if home.__code__ in ran}


@pytest.mark.parametrize("door", DOORS)
def test_every_door_does_each_job_through_its_home(door: str) -> None:
    """A rule that is mended in its home is mended at all doors."""
    done = talk(door, "whole")[1] | talk(door, "streamed")[1]
    assert set(HOMES) - OTHERWISE.get(door, set()) == done


def test_all_doors_give_the_same_answer() -> None:
    """Whole and streamed: text, reasoning, places of citations and requests."""
    answers = {(door, way): talk(door, way)[0] for door in DOORS for way in ("whole", "streamed")}
    for answer in answers.values():
        [request] = answer.pop("requests")
        request = {**request, "id": "-"}
        assert {"id": "-", "name": "delete", "arguments": "{}", "server_label": "files"} == request
    expected = {
        "text": "Sky. Sea.",
        "reasoning": "First.\n\nThen.",
        "citations": [(0, 3), (5, 8)],
    }
    assert dict.fromkeys(answers, expected) == answers


# ------------------------------------------------------------------- no door has a home of its own


def own_work(source: str) -> list[str]:
    """What a module does itself that has a home in the core; docstrings do nothing."""
    nodes = [*ast.walk(ast.parse(source))]
    said = [node.value for node in nodes if isinstance(node, ast.Expr)]
    rest = [node for node in nodes if not (isinstance(node, ast.Constant) and node in said)]
    return [work for work, does in OWN_WORK.items() if any(map(does, rest))]


def _codes_base64(node: ast.AST) -> bool:
    if not isinstance(node, ast.Import | ast.ImportFrom):
        return False
    names = [getattr(node, "module", None), *(alias.name for alias in node.names)]
    return not {"base64", "binascii"}.isdisjoint(names)


def _writes_data_urls(node: ast.AST) -> bool:
    text = node.value if isinstance(node, ast.Constant) else None
    return isinstance(text, str) and ("base64," in text or text == "data:")


def _joins_paragraphs(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value == joins.PARAGRAPH


def _makes_ids_of_calls(node: ast.AST) -> bool:
    return isinstance(node, ast.JoinedStr) and ast.unparse(node)[2:].startswith("call_")


def _keeps_what_is_known(node: ast.AST) -> bool:
    conditions = node.generators[0].ifs if isinstance(node, ast.DictComp) else []
    return any(ast.unparse(one).endswith(" is not None") for one in conditions)


def _reads_decisions(node: ast.AST) -> bool:
    text = ast.unparse(node) if isinstance(node, ast.Compare) else ""
    return text.endswith(" is True") and "approve" in text


def _defines_a_home(node: ast.AST) -> bool:
    return isinstance(node, ast.FunctionDef) and node.name in NAMES


OWN_WORK: dict[str, Callable[[ast.AST], bool]] = {
    "codes base64": _codes_base64,
    "writes or reads data URLs": _writes_data_urls,
    "joins paragraphs": _joins_paragraphs,
    "makes ids of calls": _makes_ids_of_calls,
    "keeps what is known": _keeps_what_is_known,
    "reads decisions": _reads_decisions,
    "defines a home": _defines_a_home,
}


@pytest.mark.parametrize("folder", [*DOORS.values(), FRAMEWORKS], ids=lambda folder: folder.name)
def test_no_door_does_such_a_job_itself(folder: Path) -> None:
    """A second implementation would drift from the first."""
    found = {path.name: own_work(path.read_text()) for path in folder.rglob("*.py")}
    assert {} == {name: work for name, work in found.items() if work}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("from base64 import b64decode", ["codes base64"]),
        ("import base64", ["codes base64"]),
        ("url = f'data:{kind};base64,{text}'", ["writes or reads data URLs"]),
        ("'\\n\\n'.join(texts)", ["joins paragraphs"]),
        ("id = f'call_{name}'", ["makes ids of calls"]),
        ("{k: v for k, v in x.items() if v is not None}", ["keeps what is known"]),
        ("ok = value.get('approve') is True", ["reads decisions"]),
        ("def cited(blocks): return blocks", ["defines a home"]),
        ("'''Writes f\"data:…;base64,\" nowhere.'''", []),
        ("from azure_agents.content.media import media", []),
        ("{k: v for k, v in x.items() if k not in y}", []),
    ],
)
def test_the_rule_sees_what_it_must(source: str, expected: list[str]) -> None:
    """A rule that cannot fail guards nothing."""
    assert expected == own_work(source)
