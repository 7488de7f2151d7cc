"""What goes into messages, alike at every door and in both generations."""

from __future__ import annotations

import re
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from llama_index.core.base.llms.types import ChatMessage, DocumentBlock

from azure_agents.emulator import Parts, Refusal, Text, ToolCalls
from azure_agents.errors import InvalidRequestError
from langchain_azure_agents import ChatAzureAgent, approve

from .conftest import DOORS
from .talks import TALKS

HI = {"role": "user", "content": "hi"}
CLASSIC = {"generation": "classic"}
TEXT = {"type": "text", "text": "one"}


@pytest.mark.parametrize("stop", ["end", ["end"], ("end", "never")])
def test_stop_is_one_text_or_several(make_ask: Any, stop: Any) -> None:
    """One text is not taken letter by letter."""
    assert "a dance in the " == make_ask("a dance in the end")([HI], stop=stop)


@pytest.mark.parametrize("stop", ["", ["a", ""], 7, [7]])
def test_what_cannot_end_an_answer_is_refused(foundry: Any, make_ask: Any, stop: Any) -> None:
    """An empty text would end every answer at once; nothing is sent."""
    ask = make_ask()
    with pytest.raises(InvalidRequestError, match="stop must be a text or a list of texts"):
        ask([HI], stop=stop)
    assert [] == foundry.requests


def test_who_speaks_is_told(foundry: Any, make_ask: Any) -> None:
    """The name of a user stands before what they say; those of agents and tools are labels."""
    make_ask()(
        [
            {"role": "user", "content": "I am from Tacoma.", "name": "Sam"},
            {"role": "assistant", "content": "Nice.", "name": "helper"},
            {"role": "user", "content": "And I from Rome.", "name": "Ada"},
            HI,
        ]
    )
    told = [message.text for message in foundry.seen[-1].messages]
    assert ["Sam: I am from Tacoma.", "Nice.", "Ada: And I from Rome.", "hi"] == told


@pytest.mark.parametrize(("name", "sent"), [("Sam", 1), ("Max", 3), (None, 3)])
def test_a_renamed_user_says_something_else(foundry: Any, name: str | None, sent: int) -> None:
    """The name is part of what was said: with another one the old chain is not continued."""
    agent = foundry.create_agent("helper")
    llm = ChatAzureAgent(model=agent.model, **foundry.connection())
    answer = llm.invoke([HumanMessage("hi", name="Sam")])
    llm.invoke([HumanMessage("hi", name=name), answer, HumanMessage("and?")])
    assert sent == len(foundry.requests[-1].body["input"])


CALL = {
    "role": "assistant",
    "content": None,
    "tool_calls": [
        {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    ],
}
IMAGE = {"type": "image_url", "image_url": {"url": "https://x.test/map.png"}}
SOUND = {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}}


def add(a: int) -> int:
    """Add one."""
    return a + 1


def result(*parts: Any) -> dict[str, Any]:
    """The result of the call."""
    return {"role": "tool", "tool_call_id": "call_1", "content": list(parts)}


def test_a_result_may_hold_a_picture(foundry: Any, make_ask: Any, generation: str) -> None:
    """v2 shows it to the agent; a classic run takes text only, so there it is told."""
    make_ask()([HI, CALL, result({"type": "text", "text": "a map"}, IMAGE)])
    seen = foundry.seen[-1].messages[-1]
    if generation == "v2":
        assert ("tool", "a map", "image") == (seen.role, seen.text, seen.media[0].kind)
    else:
        told = "a map[image https://x.test/map.png: cannot be shown here]"
        assert f"[tool result call_1: {told}]" == seen.text


def test_a_result_that_no_agent_can_be_given_is_told(foundry: Any, make_ask: Any) -> None:
    """A tool returns anything at all: no conversation ends with it, new or old."""
    ask = make_ask()
    turns = [HI, CALL, result(SOUND), {"role": "assistant", "content": "ok"}, HI]
    for end in (3, 5):
        ask(turns[:end])
        assert "audio: cannot be shown here]" in foundry.seen[-1].messages[2].text


def test_what_a_user_sends_is_refused_until_it_was_answered(foundry: Any, make_ask: Any) -> None:
    """By another model, that could hear: then it is history, and told."""
    ask, spoken = make_ask(), {"role": "user", "content": [SOUND]}
    for refused in ([spoken], [spoken, {"role": "assistant", "content": "ok"}, spoken]):
        with pytest.raises(InvalidRequestError, match="audio"):
            ask(refused)
    assert [] == foundry.requests
    ask([spoken, {"role": "assistant", "content": "ok"}, HI])
    assert "audio: cannot be shown here]" in foundry.seen[-1].messages[0].text


def test_a_second_result_does_not_end_the_conversation(foundry: Any, make_ask: Any) -> None:
    """The one that was sent holds; before sending it is the last."""
    ask, first, second = make_ask(), result(TEXT), result({"type": "text", "text": "two"})
    ask([HI, CALL, first, second])
    assert "two" in foundry.seen[-1].messages[-1].text
    ask([HI, CALL, first, {"role": "assistant", "content": "ok"}, second, HI])
    told = [message.text for message in foundry.seen[-1].messages]
    assert (True, False) == ("one" in told[2], "two" in "".join(told))


def test_calls_without_ids_keep_their_results(foundry: Any, make_ask: Any) -> None:
    """As Gemini gives them behind OpenAI's format: new and old, each result belongs to its call."""
    ask, (call,) = make_ask(), CALL["tool_calls"]
    asked = {**CALL, "tool_calls": [{**call, "id": ""}] * 2}
    results = [{"role": "tool", "tool_call_id": "", "content": text} for text in ("one", "two")]
    turns = [HI, asked, *results, {"role": "assistant", "content": "ok"}, HI]
    for end in (4, 6):
        ask(turns[:end])
        told, *answered = foundry.seen[-1].messages[1:4]
        ids = [c.id for c in told.tool_calls] or re.findall(r"tool call (\S+):", told.text)
        named = [m.tool_call_id or re.findall(r"tool result (\S+):", m.text)[0] for m in answered]
        assert (2, ids) == (len(set(ids)), named)
        assert ["one", "two"] == [re.findall("one|two", m.text)[0] for m in answered]


ASKED_BY_ANOTHER = {
    "type": "mcp_approval_request",
    "id": "mcpr_1",
    "name": "delete",
    "server_label": "files",
    "arguments": "{}",
}


@pytest.mark.parametrize("threads", ["auto", "ephemeral"])
@pytest.mark.parametrize("wrapped", [False, True])
def test_another_models_request_for_approval_is_told_and_never_sent(
    foundry: Any, generation: str, threads: str, wrapped: bool
) -> None:
    """The decision is told with its request; it is no approval of what our agent may do."""
    agent = foundry.create_agent("a", "ok", generation=generation)
    llm = ChatAzureAgent(model=agent.model, threads=threads, **foundry.connection())
    block = {"type": "non_standard", "value": ASKED_BY_ANOTHER} if wrapped else ASKED_BY_ANOTHER
    answer = llm.invoke([HumanMessage("hi"), AIMessage([block]), approve("mcpr_1")])
    assert {"mcpr_1": "told"} == answer.response_metadata["approval_outcomes"]
    request, decision = foundry.seen[-1].messages[1:]
    facts = '"id":"mcpr_1","server":"files","tool":"delete","arguments":{}'
    told = f"[record: approval requested {{{facts}}}]"
    assert ("assistant", told) == (request.role, request.text)
    assert decision.text.startswith('[record: approval decided {"id":"mcpr_1"')


def test_a_message_may_be_only_a_file(foundry: Any, make_ask: Any, generation: str) -> None:
    """The classic service wants text beside it: the name of the file stands there."""
    file = {"type": "file", "file": {"file_id": "assistant-1"}}
    make_ask()([{"role": "user", "content": [file]}])
    seen = foundry.seen[-1].messages[-1]
    assert ("" if generation == "v2" else "[file assistant-1]") == seen.text
    sent = str(foundry.requests[-1].body)
    assert "assistant-1" in sent


@pytest.mark.parametrize(
    ("results", "told"),
    [
        (["one", "two"], "two"),
        ([[{"type": "json", "json": {"a": 1}}]], '{"a":1}'),
        ([[IMAGE]], "[image https://x.test/map.png: cannot be shown here]"),
    ],
)
def test_no_run_is_left_behind_by_what_a_tool_returned(
    foundry: Any, results: list[Any], told: str
) -> None:
    """A paused classic run takes whatever comes: once, and nothing is cancelled."""
    agent = foundry.create_agent("helper", [ToolCalls(("add", {"a": 1})), "It is 2."], **CLASSIC)
    llm = ChatAzureAgent(model=agent.model, **foundry.connection()).bind_tools([add])
    asked = llm.invoke("add")
    call_id = asked.tool_calls[0]["id"]
    answer = llm.invoke(
        [HumanMessage("add"), asked, *(ToolMessage(each, tool_call_id=call_id) for each in results)]
    )
    assert "It is 2." == answer.text
    assert [] == [each.path for each in foundry.requests if each.path.endswith("/cancel")]
    sent = foundry.requests[-1].body["tool_outputs"]
    assert [{"tool_call_id": call_id, "output": told}] == sent


def test_a_file_that_cannot_be_sent_leaves_a_paused_run_alone(foundry: Any) -> None:
    """Bad input is found before the run is cancelled that this question would supersede."""
    agent = foundry.create_agent("helper", ToolCalls(("add", {"a": 1})), **CLASSIC)
    llm = ChatAzureAgent(model=agent.model, **foundry.connection()).bind_tools([add])
    asked, sent = llm.invoke("add"), len(foundry.requests)
    file = {"type": "file", "base64": "aGk=", "mime_type": "text/plain"}
    with pytest.raises(InvalidRequestError, match="is not uploaded"):
        llm.invoke([HumanMessage("add"), asked, HumanMessage([file])])
    assert sent == len(foundry.requests)


@pytest.mark.parametrize("way", ["whole", "streamed"])
@pytest.mark.parametrize("door", ["langchain", "langchain v1", "llamaindex", "completion"])
def test_an_answer_that_refuses_first_is_continued(foundry: Any, door: str, way: str) -> None:
    """Wherever a door keeps the refusal, the answer is the one that the server has."""
    parts = Parts(Refusal("I cannot do that. "), Text("But I can do this."))
    agent = foundry.create_agent("helper", [parts, "Fine."])
    talk = TALKS[door](agent.model, foundry.connection(), way)
    talk("Do it.")
    talk("Please.")
    assert 1 == len(foundry.requests[-1].body["input"])


def test_an_empty_file_is_refused_before_anything_is_sent(foundry: Any, tmp_path: Any) -> None:
    """No agent can look at nothing; LlamaIndex reads the file itself."""
    agent, empty = foundry.create_agent("helper"), tmp_path / "empty.pdf"
    empty.write_bytes(b"")
    asks = {
        "langchain": HumanMessage([{"type": "file", "base64": b"", "mime_type": "text/plain"}]),
        "llamaindex": ChatMessage(blocks=[DocumentBlock(path=empty)]),
        "completion": {
            "role": "user",
            "content": [{"type": "file", "file": {"file_data": "", "filename": "empty.pdf"}}],
        },
    }
    for door, message in asks.items():
        with pytest.raises(InvalidRequestError, match=r"is an empty file|needs exactly one"):
            DOORS[door](agent.model, foundry.connection(), [message])
    assert [] == foundry.requests
