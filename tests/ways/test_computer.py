"""Computer use: the call is read, told and answered with a screenshot, at every door."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from llama_index.core.base.llms.types import ChatMessage

import azure_agents
import langchain_azure_agents
import llamaindex_azure_agents
from azure_agents import completion
from azure_agents.emulator import ComputerCall, Emulator
from azure_agents.errors import InvalidRequestError
from langchain_azure_agents import ChatAzureAgent
from llamaindex_azure_agents import AzureAgentLLM

from .wire import Seen

RECORDINGS = Path(__file__).parents[2].parent / "shared" / "recordings" / "v2"
PNG = b"\x89PNG\r\n\x1a\n-a-picture"
PICTURE = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
TYPING = {"type": "type", "text": "OpenAI news"}
CHECK = {"id": "cu_sc_1", "code": "malicious_instructions", "message": "Look twice."}


class LangChain:
    """Histories of LangChain messages."""

    helper = staticmethod(langchain_azure_agents.screenshot)

    def __init__(self, known: dict[str, Any]) -> None:
        self._llm = ChatAzureAgent(**known)

    def user(self, text: str) -> Any:
        """A question."""
        return HumanMessage(text)

    def ask(self, history: Any, way: str, **call: Any) -> tuple[Any, list[Any], str, str]:
        """The message, its computer calls, why it ended, its text."""
        if way == "stream":
            chunks = list(self._llm.stream(history, **call))
            message: Any = sum(chunks[1:], chunks[0])
            message = AIMessage(**{n: getattr(message, n) for n in _COPIED})
        elif way == "async":
            message = asyncio.run(self._llm.ainvoke(history, **call))
        else:
            message = self._llm.invoke(history, **call)
        told = message.response_metadata
        return message, told.get("computer_calls", []), told["finish_reason"], message.text


_COPIED = ("content", "additional_kwargs", "response_metadata", "tool_calls")


class LlamaIndex:
    """Histories of LlamaIndex messages."""

    helper = staticmethod(llamaindex_azure_agents.screenshot)

    def __init__(self, known: dict[str, Any]) -> None:
        self._llm = AzureAgentLLM(**known)

    def user(self, text: str) -> Any:
        """A question."""
        return ChatMessage(text)

    def ask(self, history: Any, way: str, **call: Any) -> tuple[Any, list[Any], str, str]:
        """The message, its computer calls, why it ended, its text."""
        if way == "stream":
            answer: Any = list(self._llm.stream_chat(history, **call))[-1]
        elif way == "async":
            answer = asyncio.run(self._llm.achat(history, **call))
        else:
            answer = self._llm.chat(history, **call)
        kept = ChatMessage.model_validate(answer.message.model_dump())  # as a chat store has it
        calls = answer.raw.get("computer_calls", [])
        return kept, calls, answer.raw["finish_reason"], answer.message.content or ""


class LiteLLM:
    """Histories in OpenAI's format."""

    helper = staticmethod(azure_agents.screenshot)

    def __init__(self, known: dict[str, Any]) -> None:
        self._known = known

    def user(self, text: str) -> Any:
        """A question."""
        return {"role": "user", "content": text}

    def ask(self, history: Any, way: str, **call: Any) -> tuple[Any, list[Any], str, str]:
        """The message, its computer calls, why it ended, its text."""
        arguments = {**self._known, "messages": history, **call}
        if way == "stream":
            stream: Any = completion(**arguments, stream=True)
            reasons = [c.choices[0].finish_reason for c in stream if c.choices]
            answer = stream.response
            assert answer.choices[0].finish_reason == reasons[-1]
        elif way == "async":
            answer = asyncio.run(azure_agents.acompletion(**arguments))
        else:
            answer = completion(**arguments)
        choice = answer.choices[0]
        message = json.loads(choice.message.model_dump_json())
        calls = message["provider_specific_fields"].get("computer_calls", [])
        return message, calls, choice.finish_reason, choice.message.content or ""


DOORS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "langchain": LangChain,
    "llamaindex": LlamaIndex,
    "completion": LiteLLM,
}


@pytest.fixture(params=DOORS)
def door(request: pytest.FixtureRequest) -> Any:
    """Each of the three doors."""
    return DOORS[request.param]


@pytest.fixture(params=["whole", "stream", "async"])
def way(request: pytest.FixtureRequest) -> str:
    """Each way to ask there."""
    return str(request.param)


@pytest.fixture
def foundry() -> Iterator[Emulator]:
    """A fresh emulator."""
    with Emulator() as emulator:
        yield emulator


def connected(foundry: Emulator, reply: Any) -> dict[str, Any]:
    """A new agent that uses a computer, what goes to it being seen."""
    tools = [{"type": "computer_use_preview", "environment": "windows"}]
    agent = foundry.create_agent("computer", reply, tools=tools)
    known = foundry.connection()
    return {**known, **Seen(**known).connection, "model": agent.model}


def sent(known: dict[str, Any]) -> dict[str, Any]:
    """The body of the last POST."""
    posts = [one for one in known["transport"].requests if one.method == "POST"]
    body: dict[str, Any] = json.loads(posts[-1].content)
    return body


def test_the_recorded_call_is_told(door: Any) -> None:
    """Its id and action, and that the agent waits."""
    if not RECORDINGS.exists():
        pytest.skip(f"no recordings at {RECORDINGS}")
    recording = json.loads((RECORDINGS / "computer_use.json").read_text())
    body = recording["entries"][1]["response"]["body"]
    seen = Seen(lambda _: httpx.Response(200, json=body))
    known = {"model": "MyAgent", "api_key": "k", **seen.connection, "threads": "auto"}
    known["endpoint"] = "https://x.services.ai.azure.com/api/projects/p"
    asked = door(known)
    _, calls, reason, text = asked.ask([asked.user("Search.")], "whole", truncation="auto")
    assert [{"id": "call_UPp6yMHfqDbyhfvgIdp9WC99", "action": TYPING}] == calls
    assert ("tool_calls", "") == (reason, text)
    assert "auto" == sent(known)["truncation"]


@pytest.mark.parametrize("threads", ["auto", "conversation"])
def test_a_call_is_answered_with_a_screenshot(
    foundry: Emulator, door: Any, way: str, threads: str
) -> None:
    """Only the screenshot travels, to where the call is; checks are acknowledged one by one."""
    click = {"type": "click", "button": "left", "x": 1, "y": 2}
    reply = [ComputerCall(TYPING), ComputerCall(click, [CHECK]), "Found it.", "Yes."]
    known = connected(foundry, reply) | {"threads": threads}
    asked = door(known)
    history = [asked.user("Search.")]
    message, calls, reason, _ = asked.ask(history, way)
    assert "tool_calls" == reason
    history += [message, asked.helper(calls[0], PNG)]
    message, calls, reason, _ = asked.ask(history, way)
    output = {"type": "computer_screenshot", "image_url": PICTURE}
    answered = {"type": "computer_call_output", "call_id": foundry_call(foundry), "output": output}
    assert [answered] == sent(known)["input"]
    assert (click, [CHECK]) == (calls[0]["action"], calls[0]["pending_safety_checks"])
    history += [message, asked.helper(calls[0]["id"], PICTURE, acknowledged=[CHECK])]
    message, calls, reason, text = asked.ask(history, way)
    assert [CHECK] == sent(known)["input"][0]["acknowledged_safety_checks"]
    assert ([], "stop", "Found it.") == (calls, reason, text)
    history += [message, asked.user("Sure?")]
    assert "Yes." == asked.ask(history, way)[3]
    assert ["Sure?"] == [item["content"] for item in sent(known)["input"]]
    roles = ["user", "assistant", "tool", "assistant", "tool", "assistant", "user"]
    assert roles == [seen.role for seen in foundry.seen[-1].messages]


def foundry_call(foundry: Emulator) -> str | None:
    """The id of the first computer call that was answered."""
    return next(m.tool_call_id for m in foundry.seen[1].messages if m.role == "tool")


def test_a_call_that_is_not_on_the_server_is_told(foundry: Emulator, door: Any) -> None:
    """Action and picture reach the agent after an edit, as text and image."""
    known = connected(foundry, [ComputerCall(TYPING), "Found it.", "Found it again."])
    asked = door(known | {"threads": "auto"})
    message, calls, _, _ = asked.ask([asked.user("Search.")], "whole")
    history = [asked.user("Look for it."), message, asked.helper(calls[0], PNG)]
    assert "Found it." == asked.ask(history, "whole")[3]
    said, acted, shown = sent(known)["input"]
    assert ("user", "Look for it.") == (said["role"], said["content"])
    assert "assistant" == acted["role"]
    assert acted["content"].startswith("[computer call call_")
    assert json.dumps(TYPING, separators=(",", ":")) in acted["content"]
    assert "user" == shown["role"]
    assert shown["content"][0]["text"].startswith("[screenshot after computer call call_")
    assert PICTURE == shown["content"][1]["image_url"]


def test_a_call_that_nobody_answered_is_left_out(foundry: Emulator, door: Any) -> None:
    """As function calls are: the question goes on before it."""
    known = connected(foundry, [ComputerCall(TYPING), "Hello."]) | {"threads": "auto"}
    asked = door(known)
    message, _, _, _ = asked.ask([asked.user("Search.")], "whole")
    history = [asked.user("Search."), message, asked.user("Never mind.")]
    assert "Hello." == asked.ask(history, "whole")[3]
    assert ["Search.", "Never mind."] == [item["content"] for item in sent(known)["input"]]


def test_several_calls_are_answered_together(foundry: Emulator, door: Any) -> None:
    """Each with its picture; while one has none, the agent is told instead of left waiting."""
    both = [ComputerCall(TYPING), ComputerCall({"type": "wait"})]
    known = connected(foundry, [both, "Found it.", "One is missing."]) | {"threads": "auto"}
    asked = door(known)
    message, calls, _, _ = asked.ask([asked.user("Search.")], "whole")
    answers = [asked.helper(call, PNG) for call in calls]
    history = [asked.user("Search."), message]
    assert "Found it." == asked.ask([*history, *answers], "whole")[3]
    assert [call["id"] for call in calls] == [item["call_id"] for item in sent(known)["input"]]
    assert "One is missing." == asked.ask([*history, answers[0]], "whole")[3]
    assert "previous_response_id" not in sent(known)


def test_a_pinned_conversation_takes_screenshots(foundry: Emulator, door: Any) -> None:
    """The call is there, and need not be in the history."""
    known = connected(foundry, [ComputerCall(TYPING), "Found it."]) | {"threads": "conversation"}
    asked = door(known)
    _, calls, _, _ = asked.ask([asked.user("Search.")], "whole")
    thread = json.loads(known["transport"].requests[-1].content)["conversation"]
    answer = asked.ask([asked.helper(calls[0], PNG)], "whole", thread_id=thread)
    assert "Found it." == answer[3]


def test_any_image_answers_a_computer_call(foundry: Emulator) -> None:
    """Without the helper, as LangChain's own message; one without an image is refused."""
    known = connected(foundry, [ComputerCall(TYPING), "Found it."])
    llm = ChatAzureAgent(**known)
    message: Any = llm.invoke("Search.")
    call_id = message.response_metadata["computer_calls"][0]["id"]
    block = {"type": "input_image", "image_url": PICTURE}
    history: list[Any] = [HumanMessage("Search."), message]
    with pytest.raises(InvalidRequestError, match="is answered by one screenshot, got 0 images"):
        llm.invoke([*history, ToolMessage("done", tool_call_id=call_id)])
    answer = llm.invoke([*history, ToolMessage([block], tool_call_id=call_id)])  # type: ignore[list-item]
    assert "Found it." == answer.content


WRONG = [
    (({}, PNG), {}, "is no computer call"),
    (("", PNG), {}, "is no computer call"),
    (("call_1", "http://x/y.png"), {}, "a screenshot must be"),
    (("call_1", 7), {}, "a screenshot must be"),
]


@pytest.mark.parametrize(("given", "more", "words"), WRONG)
def test_what_is_no_screenshot_is_refused(door: Any, given: Any, more: Any, words: str) -> None:
    """Where it is made."""
    with pytest.raises(InvalidRequestError, match=words):
        door.helper(*given, **more)


@pytest.mark.parametrize("checks", ["yes", [1], [{"code": "x"}]])
def test_checks_are_copied_or_refused(foundry: Emulator, door: Any, checks: Any) -> None:
    """Nothing is acknowledged by a word."""
    known = connected(foundry, [ComputerCall(TYPING, [CHECK])])
    asked = door(known | {"threads": "auto"})
    message, calls, _, _ = asked.ask([asked.user("Search.")], "whole")
    history = [asked.user("Search."), message, asked.helper(calls[0], PNG, acknowledged=[CHECK])]
    place = history[-1] if isinstance(history[-1], dict) else history[-1].additional_kwargs
    place["acknowledged_safety_checks"] = checks
    with pytest.raises(InvalidRequestError, match="acknowledged_safety_checks"):
        asked.ask(history, "whole")
