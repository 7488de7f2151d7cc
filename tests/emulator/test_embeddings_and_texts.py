"""Embeddings and text completions of the emulator, on the wire."""

from __future__ import annotations

import base64
import json
import struct
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from deployment_wire import Resource


def test_embeddings_come_as_numbers_and_as_base64(resource: Resource) -> None:
    """Both hold the same numbers; texts that share words are near to each other."""
    resource.foundry.deploy("emb", model="text-embedding-3-small")
    texts = ["a red car", "the red car", "tax law"]
    body = {"model": "emb", "input": texts}
    plain = resource.post("/openai/v1/embeddings", body).json()
    packed = resource.post("/openai/v1/embeddings", {**body, "encoding_format": "base64"}).json()
    vectors = [one["embedding"] for one in plain["data"]]
    assert [1536] * 3 == [len(one) for one in vectors]
    read = [struct.unpack("<1536f", base64.b64decode(one["embedding"])) for one in packed["data"]]
    assert vectors == [list(one) for one in read]
    near, far = (sum(map(float.__mul__, vectors[0], other)) for other in vectors[1:])
    assert near > far
    assert texts == [message.text for message in resource.foundry.seen[-1].messages]
    assert plain["usage"]["prompt_tokens"] == plain["usage"]["total_tokens"] > 0


@pytest.mark.parametrize(
    ("model", "fields", "param"),
    [
        ("text-embedding-3-small", {"input": None}, "input"),
        ("text-embedding-3-small", {"input": [""]}, None),
        ("text-embedding-3-small", {"input": []}, None),
        ("text-embedding-3-small", {"dimensions": 4000}, "dimensions"),
        ("text-embedding-3-small", {"encoding_format": "hex"}, "encoding_format"),
        ("text-embedding-ada-002", {"dimensions": 256}, None),
    ],
)
def test_malformed_embeddings_are_refused(
    resource: Resource, model: str, fields: dict[str, Any], param: str | None
) -> None:
    """In OpenAI's envelope, as for chat."""
    resource.foundry.deploy("emb", model=model)
    answer = resource.post("/openai/v1/embeddings", {"model": "emb", "input": "a", **fields})
    assert (400, param) == (answer.status_code, answer.json()["error"]["param"])


def test_dimensions_are_as_many_as_asked_for(resource: Resource) -> None:
    """The newer models take any number up to their own; tokens are an input too."""
    resource.foundry.deploy("emb", model="text-embedding-3-large")
    body = {"model": "emb", "input": [1, 2, 3], "dimensions": 256}
    data = resource.post("/openai/v1/embeddings", body).json()["data"]
    assert [256] == [len(one["embedding"]) for one in data]


def test_text_completions_are_whole_and_streamed(resource: Resource) -> None:
    """One choice for each prompt, each prompt asked for itself."""
    resource.foundry.deploy(
        "ins", lambda turn: f"after {turn.last_user_text}", model="gpt-35-turbo-instruct"
    )
    body = {"model": "ins", "prompt": ["one", "two"], "max_tokens": 20}
    answer = resource.post("/openai/v1/completions", body).json()
    assert ["after one", "after two"] == [choice["text"] for choice in answer["choices"]]
    assert ["one", "two"] == [turn.last_user_text for turn in resource.foundry.seen]
    text = resource.post("/openai/v1/completions", {**body, "stream": True}).text
    chunks = [json.loads(one[6:]) for one in text.strip().split("\n\n")[:-1]]
    said = ["", ""]
    for choice in (one for chunk in chunks for one in chunk["choices"]):
        said[choice["index"]] += choice["text"]
    assert ["after one", "after two"] == said
    assert text.endswith("data: [DONE]\n\n")


def test_a_text_completion_ends_where_its_budget_does(resource: Resource) -> None:
    """The least budget is the service's own: 16 tokens."""
    resource.foundry.deploy("ins", "word " * 30, model="gpt-35-turbo-instruct")
    answer = resource.post("/openai/v1/completions", {"model": "ins", "prompt": "go"}).json()
    assert ("length", 16) == (
        answer["choices"][0]["finish_reason"],
        answer["usage"]["completion_tokens"],
    )
