"""Tokens before and after a call, in every shape of request and usage."""

from __future__ import annotations

from typing import Any

import pytest

from azure_agents.routing.limits import Amounts
from azure_agents.routing.tokens import estimate, used

HELLO = {"role": "user", "content": "x" * 40}
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 90_000}}


@pytest.mark.parametrize(
    ("operation", "body", "expected"),
    [
        ("chat", {"messages": [HELLO], "max_tokens": 7}, Amounts(12, 7)),
        ("chat", {"messages": [HELLO], "max_completion_tokens": 7, "n": 3}, Amounts(12, 21)),
        ("chat", {"messages": [HELLO]}, Amounts(12, 256)),
        ("chat", {"messages": [{"role": "user", "content": [IMAGE]}]}, Amounts(1004, 256)),
        ("responses", {"input": "x" * 40, "max_output_tokens": 5}, Amounts(11, 5)),
        ("text_completion", {"prompt": ["x" * 40, "y" * 40], "max_tokens": 5}, Amounts(21, 5)),
        ("embedding", {"input": [[1, 2, 3], [4]]}, Amounts(5, 0)),
        ("embedding", {"input": "Grüße" * 4}, Amounts(8, 0)),
        ("messages", {"system": "x" * 8, "messages": [], "max_tokens": 9}, Amounts(3, 9)),
        ("speech", {"input": "x" * 40}, Amounts(11, 0)),
        ("chat", {"messages": None, "max_tokens": None}, Amounts(1, 256)),
    ],
)
def test_what_a_request_reserves(operation: str, body: dict[str, Any], expected: Amounts) -> None:
    """Its text by length, and as much of an answer as it allows."""
    assert expected == estimate(operation, body)


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}, Amounts(5, 7)),
        ({"prompt_tokens": 5, "total_tokens": 5}, Amounts(5, 0)),
        ({"input_tokens": 5, "output_tokens": 7}, Amounts(5, 7)),
        (
            {
                "input_tokens": 5,
                "cache_read_input_tokens": 10,
                "cache_creation_input_tokens": 20,
                "output_tokens": 7,
            },
            Amounts(35, 7),
        ),
        ({"input_tokens": 5, "input_tokens_details": {"cached_tokens": 4}}, Amounts(5, 0)),
        ({"type": "duration", "seconds": 3}, None),
        ({"prompt_tokens": None, "completion_tokens": 4}, Amounts(0, 4)),
        (None, None),
        ("text", None),
    ],
)
def test_what_an_answer_tells(usage: Any, expected: Amounts | None) -> None:
    """Chats, embeddings, responses, Claude's messages; nothing where no tokens are told."""
    assert expected == used(usage)


LISTS: tuple[list[Any], ...] = (
    [],
    [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Grüße 🎉"}],
    [{"role": "user", "content": "\ud83d"}, {"role": "\ude00"}],
    [{"role": "user", "content": "data:image/png;base64,AAAA"}],
    [{"role": "user", "content": "See data: it is here."}],
    [{"role": "user", "content": [{"type": "text", "text": "Hello"}]}],
    [{"role": "assistant", "content": None}, {"role": "tool", "content": 7}],
    ["Hello", "you"],
    [1, 2, 3],
)


@pytest.mark.parametrize("messages", LISTS)
def test_texts_that_are_counted_together_are_as_many(messages: list[Any]) -> None:
    """As where each is looked at, which a tuple is."""
    body = {"messages": messages}
    assert estimate("chat", {"messages": tuple(messages)}) == estimate("chat", body)
