"""A gateway with three keys in front of the emulator, and OpenAI's client for it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from hashlib import sha256
from typing import Any

import pytest
from openai import OpenAI

from azure_agents.emulator import Emulator

from ..conftest import Gateway, Start

MASTER = "sk-master-of-this-gateway"
KEYS = {"ada": "sk-key-of-ada", "bob": "sk-key-of-bob", "mini": "sk-key-of-mini"}
MODELS = {
    "gpt-4o": ("my-gpt", "gpt-4o-2024-08-06"),
    "gpt-mini": ("my-mini", "gpt-4o-mini-2024-07-18"),
    "tts": ("my-tts", "tts-1"),
    "whisper": ("my-whisper", "whisper"),
    "dall-e": ("my-dall-e", "dall-e-3"),
    "gpt-image": ("my-image", "gpt-image-1"),
}


def entries(base: str = "{resource}", models: tuple[str, ...] = tuple(MODELS)) -> str:
    """Lines of a config: some models on a resource, each with its base model."""
    return "".join(
        f"""
  - model_name: {name}
    litellm_params: {{model: azure/{MODELS[name][0]}, api_base: "{base}", api_key: up-secret}}
    model_info: {{base_model: azure/{MODELS[name][1]}}}"""
        for name in models
    )


KEY_LINES = f"""
general_settings: {{master_key: {MASTER}}}
keys:
  - {{name: ada, hash: {sha256(KEYS["ada"].encode()).hexdigest()}}}
  - {{name: bob, hash: {sha256(KEYS["bob"].encode()).hexdigest()}}}
  - {{name: mini, hash: {sha256(KEYS["mini"].encode()).hexdigest()}, models: ["gpt-mini"]}}
"""
CONFIG = f"model_list:{entries()}{KEY_LINES}"
Client = Callable[..., OpenAI]


def deploy(foundry: Emulator) -> None:
    """All models of the config."""
    for deployment, model in MODELS.values():
        foundry.deploy(deployment, "Hello there.", model=model)


@pytest.fixture
def gateway(foundry: Emulator, start: Start) -> Gateway:
    """A gateway with keys."""
    deploy(foundry)
    return start(CONFIG)


@pytest.fixture
def client() -> Iterator[Client]:
    """Makes OpenAI's client for a gateway and a key."""
    with ExitStack() as stack:

        def make(gateway: Gateway, key: str = KEYS["ada"], root: str = "/v1") -> OpenAI:
            made = OpenAI(base_url=gateway.url + root, api_key=key, max_retries=0)
            stack.callback(made.close)
            return made

        yield make


def lines(*models: str | None) -> bytes:
    """A file of a batch with a question to each model."""

    def line(number: int, model: str | None) -> str:
        named = {} if model is None else {"model": model}
        body = {**named, "messages": [{"role": "user", "content": f'The "model": é {number}'}]}
        one = {"custom_id": str(number), "method": "POST", "url": "/chat/completions", "body": body}
        return json.dumps(one)

    return "\n".join(line(number, model) for number, model in enumerate(models)).encode()


def completed(client: OpenAI, batch: Any) -> Any:
    """The batch when it is completed: the emulator goes on when it is looked at."""
    for _ in range(40):
        batch = client.batches.retrieve(batch.id)
        if batch.status == "completed":
            return batch
    raise AssertionError(batch.status)
