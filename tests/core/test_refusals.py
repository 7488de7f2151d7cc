"""An answer that begins with a refusal is continued, at every door and in both generations.

Some doors have a field of its own for a refusal. The agent's answer on the server and what it is in
the caller's history agree all the same.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from langchain_core.messages import HumanMessage
from llama_index.core.base.llms.types import ChatMessage

from azure_agents import completion
from langchain_azure_agents import ChatAzureAgent
from llamaindex_azure_agents import AzureAgentLLM

from ..security.peers import ENDPOINT, Recorder
from .classic_samples import frame, message, run, text_part
from .v2_samples import CREATED, WHERE, response, stream

JSON = dict[str, Any]
REFUSAL, TEXT = "I will not do that.", "Here is something else."
PARTS: list[JSON] = [
    {"type": "refusal", "refusal": REFUSAL},
    {"type": "output_text", "text": TEXT, "annotations": []},
]


def _v2(request: httpx.Request) -> httpx.Response:
    body = json.loads(request.content)
    item = {"type": "message", "id": "msg_1", "role": "assistant", "content": PARTS}
    final = response(item)
    if not body.get("stream"):
        return httpx.Response(200, json=final)
    told = stream(
        CREATED,
        {"type": "response.refusal.delta", "delta": REFUSAL, **WHERE},
        {"type": "response.output_text.delta", "delta": TEXT, **WHERE, "content_index": 1},
        {"type": "response.completed", "response": final},
    )
    return httpx.Response(200, content=told, headers={"content-type": "text/event-stream"})


def _classic(_: httpx.Request) -> httpx.Response:
    said = message({"type": "refusal", "refusal": REFUSAL}, text_part(TEXT))
    told = b"".join(
        [
            frame("thread.run.created", run("queued")),
            frame("thread.message.completed", said),
            frame("thread.run.completed", run()),
        ]
    )
    return httpx.Response(200, content=told, headers={"content-type": "text/event-stream"})


@dataclass
class Talk:
    """Two turns: what is kept of the first answer is the history of the second."""

    place: JSON
    history: list[Any] = field(default_factory=list)

    def langchain(self, *, streamed: bool, **more: Any) -> None:
        llm = ChatAzureAgent(**self.place, **more)
        for said in ("Hi", "Go on"):
            self.history.append(HumanMessage(said))
            if streamed:
                first, *rest = llm.stream(self.history)
                for chunk in rest:
                    first += chunk
                self.history.append(first)
            else:
                self.history.append(llm.invoke(self.history))

    def llamaindex(self, *, streamed: bool) -> None:
        llm = AzureAgentLLM(**self.place)
        for said in ("Hi", "Go on"):
            self.history.append(ChatMessage(said))
            answers = llm.stream_chat(self.history) if streamed else [llm.chat(self.history)]
            self.history.append(list(answers)[-1].message)

    def completion(self, *, streamed: bool) -> None:
        for said in ("Hi", "Go on"):
            self.history.append({"role": "user", "content": said})
            answer: Any = completion(
                messages=self.history, stream=streamed, threads="auto", **self.place
            )
            if streamed:
                list(answer)
                answer = answer.response
            self.history.append(answer.choices[0].message)


TALKS: dict[str, Callable[[Talk], None]] = {
    f"{name}, {'streamed' if streamed else 'at once'}": (
        lambda talk, ask=ask, streamed=streamed: ask(talk, streamed=streamed)
    )
    for name, ask in {
        "LangChain": Talk.langchain,
        "LangChain v1": lambda t, streamed: t.langchain(streamed=streamed, output_version="v1"),
        "LlamaIndex": Talk.llamaindex,
        "completion": Talk.completion,
    }.items()
    for streamed in (False, True)
}


@pytest.mark.parametrize("talk", TALKS.values(), ids=TALKS)
def test_a_v2_answer_that_begins_with_a_refusal_is_continued(talk: Callable[[Talk], None]) -> None:
    """The next turn sends what is new, behind that answer."""
    peer = Recorder(_v2)
    talk(Talk({"model": "a:1", "endpoint": ENDPOINT, "credential": "t", "transport": peer}))
    first, second = (json.loads(request.content) for request in peer.requests)
    assert (None, "resp_1") == (
        first.get("previous_response_id"),
        second.get("previous_response_id"),
    )
    assert 1 == len(second["input"])


@pytest.mark.parametrize("talk", TALKS.values(), ids=TALKS)
def test_a_classic_answer_that_begins_with_a_refusal_is_continued(
    talk: Callable[[Talk], None],
) -> None:
    """The next turn runs on the same thread."""
    peer = Recorder(_classic)
    talk(Talk({"model": "asst_1", "endpoint": ENDPOINT, "credential": "t", "transport": peer}))
    paths = [request.url.path.rpartition("/p/")[2] for request in peer.requests]
    assert ["threads/runs", "threads/thread_1/runs"] == paths
