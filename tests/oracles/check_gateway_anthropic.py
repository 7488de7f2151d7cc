"""anthropic's client at the gateway, by both bases."""

from __future__ import annotations

from typing import Any

import anthropic
from oracle import ENDPOINT, check, raises, run

KEY = "sk-oracle"
ASKED: dict[str, Any] = {"model": "claude", "max_tokens": 200}
TOOLS = [{"name": "get_weather", "input_schema": {"type": "object", "properties": {}}}]
CLIENTS = [
    anthropic.Anthropic(base_url=ENDPOINT + path, api_key=KEY, max_retries=0)
    for path in ("", "/anthropic")
]


def said(text: str) -> Any:
    """What the user says."""
    return [{"role": "user", "content": text}]


@check
def messages() -> None:
    """Whole, streamed, and counted."""
    for client in CLIENTS:
        answer = client.messages.create(messages=said("Hello"), **ASKED)
        assert "Hello there!" == answer.content[0].text
        with client.messages.stream(messages=said("Hello"), **ASKED) as stream:
            assert "Hello there!" == stream.get_final_text()
        assert client.messages.count_tokens(model="claude", messages=said("Hello")).input_tokens


@check
def a_token_instead_of_a_key() -> None:
    """As ``ANTHROPIC_AUTH_TOKEN`` sends it."""
    client = anthropic.Anthropic(base_url=ENDPOINT, auth_token=KEY, api_key=None)
    assert client.messages.create(messages=said("Hello"), **ASKED).content


@check
def a_tool() -> None:
    """A call, streamed."""
    with CLIENTS[0].messages.stream(messages=said("call"), tools=TOOLS, **ASKED) as stream:
        assert {"city": "Paris"} == stream.get_final_message().content[-1].input


@check
def models() -> None:
    """In Anthropic's form."""
    for client in CLIENTS:
        assert "claude" in [model.id for model in client.models.list()]
        assert "claude" == client.models.retrieve("claude").id


@check
def errors() -> None:
    """Of the class that the SDK has for each."""
    ask = CLIENTS[0].messages.create
    raises(anthropic.NotFoundError, lambda: ask(messages=said("x"), **{**ASKED, "model": "none"}))
    raises(anthropic.BadRequestError, lambda: ask(messages=[], **ASKED))
    raises(anthropic.RateLimitError, lambda: ask(messages=said("throttle"), **ASKED))
    wrong = anthropic.Anthropic(base_url=ENDPOINT, api_key="sk-wrong", max_retries=0)
    raises(
        anthropic.AuthenticationError,
        lambda: wrong.messages.create(messages=said("x"), **ASKED),
    )


if __name__ == "__main__":
    run()
