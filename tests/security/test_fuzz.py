"""More than thirty thousand bad inputs: what is read from outside raises errors of ours, or none.

Every family is seeded, so a failure can be repeated: the message of the assertion holds the seed
and the input. Where the shape of the input matters (JSON of the service), values inside real
documents are changed; where it does not, bytes are.
"""

from __future__ import annotations

import json
import random
from contextlib import closing, suppress
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import HumanMessage
from llama_index.core.base.llms.types import ChatMessage

from azure_agents import completion
from azure_agents.client.agent_client import AgentClient
from azure_agents.client.base import make_client
from azure_agents.completions.input import to_messages
from azure_agents.errors import AzureAgentsError, ProtocolError, ServiceError
from azure_agents.messages import TurnRequest, user
from azure_agents.naming import parse_agent, parse_handle
from azure_agents.protocols.classic.reader import RunReader
from azure_agents.protocols.delivery import Delivered
from azure_agents.protocols.responses.reader import ResponseReader
from azure_agents.protocols.sse import ServerSentEvent, SSEDecoder
from azure_agents.service_errors.envelopes import (
    error_from_event,
    error_from_last_error,
    error_from_reply,
)
from azure_agents.settings.endpoint import parse_endpoint
from azure_agents.threads.anchor import Anchor, parse_anchor
from azure_agents.threads.digest import digest_of
from langchain_azure_agents import ChatAzureAgent
from llamaindex_azure_agents import AzureAgentLLM

from .mutations import (
    READERS,
    STRANGE,
    answers,
    changed_bytes,
    changed_stream,
    changed_value,
    cut,
    fuzz,
    read,
)
from .peers import ENDPOINT, Recorder, connect

INPUTS = {  # of each family; the sum is what is promised
    "decoder": 4_000,
    "bytes of a stream": 2 * 3_000,
    "values of a stream": 2 * 3_000,
    "values of an answer": 1_000,
    "envelopes": 4_000,
    "anchors": 4_000,
    "names and places": 5_000,
    "messages": 2_000,
    "turns": 2 * 500,
    "turns of adapters": 6 * 150,
}


def test_thirty_thousand_inputs_are_tried() -> None:
    """The number that the documentation gives."""
    assert sum(INPUTS.values()) >= 30_000


# --- the families --------------------------------------------------------------------------------


def _in_full(data: bytes) -> list[ServerSentEvent]:
    """The simplest decoder there could be, of the whole stream at once."""
    text = data.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    events, name, lines = [], b"", []
    for line in text.split(b"\n")[:-1]:
        field, _, value = line.partition(b":")
        if not line:
            if lines:
                joined = b"\n".join(lines)
                events.append(ServerSentEvent(name.decode("utf-8", "replace") or "message", joined))
            name, lines = b"", []
        elif field == b"data":
            lines.append(value.removeprefix(b" "))
        elif field == b"event":
            name = value.removeprefix(b" ")
    return events


WORDS = (
    *(b"data", b"event", b"id", b"retry", b":", b" ", b"\r", b"\n", b"\r\n", b"\n\n"),
    *(b"\xef\xbb\xbf", b"x", b"\xff", b"\x00", b"\xe2\x80\xa8", b"{}", b"data: ", b"event: "),
)


def test_the_decoder_understands_any_bytes_wherever_they_are_cut() -> None:
    """As the simplest decoder does, of the whole."""

    def act(chance: random.Random) -> None:
        words = [chance.choice(WORDS) for _ in range(chance.randint(0, 60))]
        data = (
            b"".join(words) if chance.random() < 0.8 else chance.randbytes(chance.randint(0, 300))
        )
        decoder = SSEDecoder()
        got = [event for piece in cut(data, chance) for event in decoder.feed(piece)]
        # A CR at the very end is a line end; what follows the last line end is not over yet.
        assert _in_full(data) == got, data

    fuzz("decoder", INPUTS["decoder"], act)


@pytest.mark.parametrize("generation", READERS)
def test_readers_take_changed_bytes(generation: str) -> None:
    """Bytes flipped, lost and repeated."""
    streams = answers(generation, "event-stream")

    def act(chance: random.Random) -> None:
        data = changed_bytes(chance.choice(streams), chance)
        read(READERS[generation](Delivered()), data, chance)

    fuzz(f"bytes {generation}", INPUTS["bytes of a stream"] // 2, act)


@pytest.mark.parametrize("generation", READERS)
def test_readers_take_changed_values(generation: str) -> None:
    """Well-formed events that say something else."""
    streams = answers(generation, "event-stream")

    def act(chance: random.Random) -> None:
        data = changed_stream(chance.choice(streams), chance)
        read(READERS[generation](Delivered()), data, chance)

    fuzz(f"values {generation}", INPUTS["values of a stream"] // 2, act)


def test_whole_answers_may_say_anything() -> None:
    """A stored response that was changed."""
    bodies = [json.loads(body) for body in answers("v2", "application/json")]

    def act(chance: random.Random) -> None:
        response = json.loads(json.dumps(chance.choice(bodies)))
        for _ in range(chance.randint(1, 5)):
            response = changed_value(response, chance) if response else {}
        reader = ResponseReader(Delivered())
        for event in reader.read(response):
            assert event is not None

    fuzz("answers", INPUTS["values of an answer"], act)


ENVELOPE = {
    "error": {
        "code": "invalid_request_error",
        "message": "Agent x doesn't exist",
        "param": "agent",
        "type": "x",
        "details": [{"message": "m", "param": "p"}],
        "additionalInfo": {"request_id": "r"},
    },
    "statusCode": 401,
}
HEADERS = ("retry-after", "retry-after-ms", "x-request-id", "apim-request-id", "location")


def test_errors_may_say_anything() -> None:
    """Statuses, headers and bodies of every kind make an error with a short, printable message."""

    def act(chance: random.Random) -> None:
        value: Any = json.loads(json.dumps(ENVELOPE))
        for _ in range(chance.randint(0, 4)):
            value = changed_value(value, chance) if value and isinstance(value, dict) else value
        body = json.dumps(value).encode()
        if chance.random() < 0.3:
            body = changed_bytes(body, chance)
        headers = {name: str(chance.choice(STRANGE)) for name in chance.sample(HEADERS, 2)}
        status = chance.choice((300, 302, 400, 401, 403, 404, 408, 409, 418, 429, 500, 503, 599))
        errors = (
            error_from_reply(status, headers, body, doing="asking"),
            error_from_event(value, doing="asking"),
            error_from_last_error(value, doing="asking"),
        )
        for error in errors:
            text = str(error)
            assert len(text) < 3000
            assert text.encode()
            assert "\n" not in error.message

    fuzz("envelopes", INPUTS["envelopes"], act)


def test_anchors_may_say_anything() -> None:
    """What is no anchor is None; what is one comes out as it went in."""
    good = Anchor("s" * 12, "d" * 22, "conv_1", "resp_2", "p" * 11).encode()
    assert good is not None

    def act(chance: random.Random) -> None:
        text = changed_bytes(good.encode(), chance).decode("utf-8", "surrogateescape")
        anchor = parse_anchor(text)
        assert anchor is None or anchor.encode() == text

    fuzz("anchors", INPUTS["anchors"], act)


PLACES = (
    "my-agent:1", "azure_ai/agents/asst_abc123", "conv_abc", "thread_1", ENDPOINT,
    "http://127.0.0.1:8080/api/projects/p", "https://[::1]:1/api/projects/p",
    "https://gw.example/x/api/projects/p/",
)  # fmt: skip


def test_names_and_places_may_say_anything() -> None:
    """Agents, handles, endpoints: a typed error that is short and prints."""

    def act(chance: random.Random) -> None:
        given = changed_bytes(chance.choice(PLACES).encode(), chance)
        text = given.decode(chance.choice(("latin-1", "utf-8")), "surrogateescape")
        for parse in (parse_agent, parse_handle, parse_endpoint):
            with suppress(AzureAgentsError):
                parse(text)

    fuzz("names", INPUTS["names and places"], act)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
MESSAGES = [
    {"role": "user", "content": [IMAGE]},
    {"role": "assistant", "content": None, "tool_calls": [
        {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
    {"role": "tool", "tool_call_id": "c", "content": "x"},
    {"role": "user", "content": [{"type": "file", "file": {"file_data": "AA==", "filename": "x"}}]},
]  # fmt: skip


def test_messages_may_say_anything() -> None:
    """Histories that come as JSON, from a browser or a store."""

    def act(chance: random.Random) -> None:
        value = json.loads(json.dumps(MESSAGES))
        for _ in range(chance.randint(1, 4)):
            value = changed_value(value, chance)
        digest_of(to_messages(value))

    fuzz("messages", INPUTS["messages"], act)


@settings(max_examples=300)
@given(JSON_VALUES)
def test_any_json_is_a_response_or_an_error(value: Any) -> None:
    """Found by hypothesis, which looks for the smallest."""
    for reader in (ResponseReader(Delivered()), RunReader(Delivered())):
        data = json.dumps(value).encode("utf-8", "surrogatepass")
        for name in (b"response.completed", b"thread.run.completed", b"error"):
            try:
                reader.feed(b"event: " + name + b"\ndata: " + data + b"\n\n")
            except ProtocolError:
                continue
    assert isinstance(error_from_event(value, doing="x"), ServiceError)


# --- whole turns ---------------------------------------------------------------------------------


def _hostile(generation: str, chance: random.Random) -> Recorder:
    """A service whose every answer was changed."""
    streams = answers(generation, "event-stream")
    others = answers("v2", "application/json")

    def answer(request: httpx.Request) -> httpx.Response:
        wants_stream = request.method == "POST" and b'"stream":true' in request.content
        if wants_stream:
            data = changed_stream(chance.choice(streams), chance)
            kind = "text/event-stream"
        else:
            value = json.loads(chance.choice(others))
            data = json.dumps(changed_value(value, chance)).encode()
            kind = "application/json"
        if chance.random() < 0.2:
            data = changed_bytes(data or b"x", chance)
        status = chance.choice((200, 200, 200, 200, 201, 404, 500))
        return httpx.Response(status, headers={"content-type": kind}, content=data)

    return Recorder(answer)


MODELS = {"v2": "my-agent", "classic": "asst_1"}


class Instant:
    """A clock on which every wait is over at once."""

    def __init__(self) -> None:
        self.now = 0.0

    def time(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    async def asleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.mark.parametrize("generation", MODELS)
def test_turns_with_a_hostile_service(generation: str) -> None:
    """The flow, the driver, the clean-up: an answer or an error of ours."""

    def act(chance: random.Random) -> None:
        threads: Any = chance.choice(("auto", "conversation", "ephemeral"))
        made = connect(model=MODELS[generation], sign_in={"api_key": "x"}, threads=threads)
        network = _hostile(generation, chance)
        client = make_client(
            AgentClient, made.settings, made.auth, transport=network, clock=Instant()
        )
        request = TurnRequest((user("Hi"),))
        if chance.random() < 0.5:
            client.complete(request)
        else:
            with closing(client.stream(request)) as events:
                for _ in events:
                    if chance.random() < 0.02:
                        break

    fuzz(f"turns {generation}", INPUTS["turns"] // 2, act)


def _by_langchain(place: dict[str, Any], chance: random.Random) -> None:
    llm = ChatAzureAgent(**place)
    if chance.random() < 0.5:
        llm.invoke([HumanMessage("Hi")])
    else:
        list(llm.stream([HumanMessage("Hi")]))


def _by_llamaindex(place: dict[str, Any], chance: random.Random) -> None:
    llm = AzureAgentLLM(**place)
    if chance.random() < 0.5:
        llm.chat([ChatMessage("Hi")])
    else:
        list(llm.stream_chat([ChatMessage("Hi")]))


def _by_completion(place: dict[str, Any], chance: random.Random) -> None:
    arguments = {**place, "api_base": place["endpoint"]}
    del arguments["endpoint"]
    messages = [{"role": "user", "content": "Hi"}]
    answer: Any = completion(messages=messages, stream=chance.random() < 0.5, **arguments)
    if not hasattr(answer, "choices"):
        list(answer)


@pytest.mark.parametrize("generation", MODELS)
@pytest.mark.parametrize("ask", [_by_langchain, _by_llamaindex, _by_completion])
def test_adapters_with_a_hostile_service(ask: Any, generation: str) -> None:
    """What the adapters make of it is an answer, or an error of ours."""

    def act(chance: random.Random) -> None:
        network = _hostile(generation, chance)
        place = {
            "model": MODELS[generation],
            "endpoint": ENDPOINT,
            "api_key": "x",
            "transport": network,
            "max_retries": 0,
            "timeout": 0.5,
        }
        ask(place, chance)

    fuzz(f"adapters {generation} {ask.__name__}", INPUTS["turns of adapters"] // 6, act)
