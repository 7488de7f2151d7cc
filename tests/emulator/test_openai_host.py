"""OpenAI itself in the emulator: its answers, headers and refusals, and nothing of Azure's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from azure_agents import completion
from azure_agents.emulator import Emulator, Failed
from azure_agents.errors import AuthenticationError, NotFoundError, RateLimitError

HELLO = [{"role": "user", "content": "Hello"}]
OF_AZURE = ("filter", "apim", "azure", "x-ms-", "csp-", "renewal", "abuse")


class Host:
    """Sends requests to OpenAI, as emulated."""

    def __init__(self, foundry: Emulator) -> None:
        self.foundry = foundry
        self.http = httpx.Client(transport=foundry.transport, base_url="https://api.openai.com/v1")

    def post(self, path: str, body: Any, key: str | None = None, **more: Any) -> httpx.Response:
        """POST with the emulator's key, unless another is given."""
        signed = {"authorization": f"Bearer {self.foundry.api_key if key is None else key}"}
        return self.http.post(path, json=body, headers=signed | more)

    def chat(self, **fields: Any) -> httpx.Response:
        """One chat with the model ``dep``."""
        return self.post("/chat/completions", {"model": "dep", "messages": HELLO, **fields})


@pytest.fixture
def host(foundry: Emulator) -> Iterator[Host]:
    """OpenAI with a model ``dep`` that says hello."""
    foundry.deploy("dep", "Hello there!")
    made = Host(foundry)
    with made.http:
        yield made


BODIES: list[tuple[str, str, dict[str, Any]]] = [
    ("/chat/completions", "gpt-4o", {"messages": HELLO}),
    ("/chat/completions", "gpt-4o", {"messages": HELLO, "stream": True}),
    ("/completions", "gpt-3.5-turbo-instruct", {"prompt": "go"}),
    ("/completions", "gpt-3.5-turbo-instruct", {"prompt": "go", "stream": True}),
    ("/responses", "gpt-4o", {"input": "go"}),
    ("/responses", "gpt-4o", {"input": "go", "stream": True}),
    ("/embeddings", "text-embedding-3-small", {"input": "go"}),
    ("/images/generations", "dall-e-3", {"prompt": "go"}),
    ("/audio/speech", "tts-1", {"input": "go", "voice": "alloy"}),
]


@pytest.mark.parametrize(("path", "model", "body"), BODIES)
def test_nothing_of_azure_is_in_an_answer(
    foundry: Emulator, host: Host, path: str, model: str, body: dict[str, Any]
) -> None:
    """No filter results and no header of a gateway, whole or streamed, with a limit too."""
    foundry.deploy("dep", None, model=model, rpm=3)
    answer = host.post(path, {"model": "dep", **body})
    assert 200 == answer.status_code, answer.text
    shown = [*answer.headers, "" if "speech" in path else answer.text.replace("content_filter", "")]
    assert [] == [word for word in OF_AZURE for text in shown if word in text]
    assert answer.headers["x-request-id"].startswith("req_")
    assert "20s" == answer.headers["x-ratelimit-reset-requests"]


def test_a_stream_begins_with_the_role(host: Host) -> None:
    """There is no first chunk without choices, and no word of the asynchronous filter."""
    host.foundry.deploy("dep", "Hello there!", async_filter=True)
    lines = host.chat(stream=True).text.strip().split("\n\n")
    chunks = [json.loads(line.removeprefix("data: ")) for line in lines[:-1]]
    assert "assistant" == chunks[0]["choices"][0]["delta"]["role"]
    assert "stop" == chunks[-1]["choices"][0]["finish_reason"]


@pytest.mark.parametrize(
    ("given", "status", "code"),
    [
        ({"key": "wrong"}, 401, "invalid_api_key"),
        ({"key": "", "api-key": "emulator"}, 401, "invalid_api_key"),
        ({"body": {"model": "none", "messages": HELLO}}, 404, "model_not_found"),
        ({"body": {"model": "dep"}}, 400, "missing_required_parameter"),
        ({"path": "/nothing"}, 404, None),
    ],
)
def test_refusals_are_in_openais_words(
    host: Host, given: dict[str, Any], status: int, code: str | None
) -> None:
    """One envelope, always with all four keys."""
    sent = {"path": "/chat/completions", "body": {"model": "dep", "messages": HELLO}} | given
    answer = host.post(**sent)
    error = answer.json()["error"]
    assert (status, code) == (answer.status_code, error["code"])
    assert {"message", "type", "param", "code"} == set(error)
    assert [] == [name for name in answer.headers if name.startswith(("apim", "x-ms-", "ms-"))]


def test_a_batch_has_openais_names(host: Host) -> None:
    """Its endpoint as it was asked for, and no file until there is one."""
    sent = {"authorization": f"Bearer {host.foundry.api_key}"}
    line = {"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": {}}
    form = {"files": {"file": ("a.jsonl", json.dumps(line))}, "data": {"purpose": "batch"}}
    file = host.http.post("/files", headers=sent, **form).json()
    made = {"input_file_id": file["id"], "endpoint": "/v1/chat/completions"}
    batch = host.post("/batches", {**made, "completion_window": "24h"}).json()
    assert ("/v1/chat/completions", None) == (batch["endpoint"], batch["output_file_id"])


@pytest.mark.parametrize("streamed", [False, True])
def test_completion_asks_openai(foundry: Emulator, *, streamed: bool) -> None:
    """At its own address, without a base."""
    foundry.deploy("dep", "Hello there!")
    given = foundry.openai_connection()
    answer: Any = completion("openai/dep", HELLO, stream=streamed, **given)
    if streamed:
        told = "".join(chunk.choices[0].delta.content or "" for chunk in answer)
    else:
        told = answer.choices[0].message.content
    assert "Hello there!" == told
    assert "/v1/chat/completions" == foundry.requests[-1].path


def test_completion_knows_openais_errors(foundry: Emulator) -> None:
    """Each is the class that Azure's error of that kind is."""
    given = {"messages": HELLO, "max_retries": 0, **foundry.openai_connection()}
    with pytest.raises(NotFoundError, match="does not exist"):
        completion("openai/none", **given)
    foundry.deploy("dep", Failed("rate_limit_exceeded"))
    with pytest.raises(RateLimitError) as caught:
        completion("openai/dep", **given)
    assert 1 == caught.value.retry_after
    with pytest.raises(AuthenticationError):
        completion("openai/dep", **{**given, "api_key": "wrong"})


@pytest.mark.allow_hosts(["127.0.0.1"])
def test_a_served_emulator_is_openai_as_well(foundry: Emulator) -> None:
    """Below ``/v1`` of its address."""
    foundry.deploy("dep", "Hello there!")
    with foundry.serve() as served:
        given = {"allow_http": True, **served.openai_connection()}
        answer: Any = completion("openai/dep", HELLO, **given)
    assert "Hello there!" == answer.choices[0].message.content
