"""What tracers and callback handlers are told: every call once, whole, and nothing secret."""

import asyncio
import json
from collections.abc import Callable
from itertools import groupby
from typing import Any

import pytest
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.callbacks import CallbackManager, CBEventType, LlamaDebugHandler
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.events import BaseEvent
from llama_index.core.prompts import PromptTemplate
from pydantic import BaseModel, Field

from azure_agents.emulator import Empty, Failed, Text
from azure_agents.errors import RunFailedError
from llamaindex_azure_agents import AzureAgentLLM

Make = Callable[..., AzureAgentLLM]


class Events(BaseEventHandler):
    """Remembers the class names of all events."""

    names: list[str] = Field(default_factory=list)
    events: list[Any] = Field(default_factory=list)

    def handle(self, event: BaseEvent, **_: Any) -> None:
        self.names.append(type(event).__name__)
        self.events.append(event)


@pytest.fixture(name="events")
def _events() -> Any:
    dispatcher, handler = get_dispatcher(), Events(names=[], events=[])
    dispatcher.add_event_handler(handler)
    yield handler
    dispatcher.event_handlers.remove(handler)


def test_events_come_once(make_llm: Make, ask: Any, events: Events) -> None:
    """One start, one end; the end shows the whole answer and can be dumped."""
    response = ask(make_llm("Hello."), [ChatMessage("Hi")])
    assert 1 == events.names.count("LLMChatStartEvent") == events.names.count("LLMChatEndEvent")
    (end,) = [event for event in events.events if type(event).__name__ == "LLMChatEndEvent"]
    assert response == end.response
    assert response.raw == end.model_dump()["response"]["raw"]


def names(events: Events) -> list[str]:
    """The names in order, a run of equal ones once."""
    return [name for name, _ in groupby(events.names)]


START, MORE, END = "LLMChatStartEvent", "LLMChatInProgressEvent", "LLMChatEndEvent"
BEGUN, GOING, DONE = (
    "LLMCompletionStartEvent",
    "LLMCompletionInProgressEvent",
    "LLMCompletionEndEvent",
)


def test_chats_are_told(make_llm: Make, ask: Any, events: Events, request: Any) -> None:
    """Start, what comes, end; as LlamaIndex's own LLMs tell it."""
    ask(make_llm(Text(deltas=("Hel", "lo."))), [ChatMessage("Hi")])
    is_stream = "stream" in request.node.name
    assert [START, *([MORE] if is_stream else []), END] == names(events)


def test_completions_are_told(make_llm: Make, complete: Any, events: Events, request: Any) -> None:
    """And no chat beside them, which would be counted twice."""
    complete(make_llm(Text(deltas=("Hel", "lo."))), "Hi")
    is_stream = "stream" in request.node.name
    assert [BEGUN, *([GOING] if is_stream else []), DONE] == names(events)


def test_an_empty_answer_is_told(make_llm: Make, ask: Any, events: Events) -> None:
    """It ends like any other."""
    ask(make_llm(Empty()), [ChatMessage("Hi")])
    assert (START, END) == (events.names[0], events.names[-1])


def test_a_failure_is_told(make_llm: Make, ask: Any, events: Events) -> None:
    """By an event of its own, and no end."""
    with pytest.raises(RunFailedError):
        ask(make_llm(Failed()), [ChatMessage("Hi")])
    assert START == events.names[0]
    assert END not in events.names


def test_events_are_plain_data(make_llm: Make, ask: Any, events: Events) -> None:
    """Tracers dump them; the settings show the model and no secret."""
    llm = make_llm("Hello.", temperature=None, additional_kwargs={})
    response = ask(llm, [ChatMessage("Hi")])
    raw = json.loads(json.dumps(response.raw))
    dumped = [json.dumps(event.model_dump(mode="json"), default=repr) for event in events.events]
    assert any(llm.model in text for text in dumped)
    assert not any("Bearer" in text or "credential" in text for text in dumped)
    assert raw == response.raw


class Sum(BaseModel):
    """A sum."""

    total: int


@pytest.mark.parametrize("is_stream", [True, False])
@pytest.mark.parametrize("is_async", [True, False])
def test_structured_calls_are_told(
    make_llm: Make, events: Events, is_stream: bool, is_async: bool
) -> None:
    """Around the chat they make."""
    llm, prompt = make_llm('{"total": 3}'), PromptTemplate("1+2?")

    async def run() -> Any:
        if not is_stream:
            return await llm.astructured_predict(Sum, prompt)
        return [each async for each in await llm.astream_structured_predict(Sum, prompt)][-1]

    if is_async:
        found = asyncio.run(run())
    elif is_stream:
        *_, found = llm.stream_structured_predict(Sum, prompt)
    else:
        found = llm.structured_predict(Sum, prompt)
    assert Sum(total=3) == found
    told = [name for name in names(events) if not name.startswith("LLMChatInProgress")]
    assert "LLMStructuredPredictStartEvent" == told[0]
    assert "LLMStructuredPredictEndEvent" == told[-1]
    assert (1, 1) == (told.count(START), told.count(END))


def test_callback_handlers_are_told(make_llm: Make, ask: Any) -> None:
    """The older way: one pair of events for a call."""
    handler = LlamaDebugHandler(print_trace_on_end=False)
    llm = make_llm("Hello.")
    llm.callback_manager = CallbackManager([handler])
    ask(llm, [ChatMessage("Hi")])
    assert [2] == [len(pair) for pair in handler.get_event_pairs(CBEventType.LLM)]
