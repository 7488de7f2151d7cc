"""Hostile histories and texts take no more time than their length."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from azure_agents.completions.input import to_messages
from azure_agents.errors import AzureAgentsError
from azure_agents.jsonio import loads
from azure_agents.messages import Message, ToolCall, assistant, system, tool, user
from azure_agents.naming import parse_agent, parse_handle
from azure_agents.service_errors.envelopes import (
    error_from_event,
    error_from_last_error,
    error_from_reply,
)
from azure_agents.settings.anchor_key import AnchorKey
from azure_agents.settings.endpoint import parse_endpoint
from azure_agents.threads.anchor import Anchor, parse_anchor, scope_of
from azure_agents.threads.digest import TranscriptDigest, digest_of
from azure_agents.threads.plan import messages_for_pin, plan_chain, plan_thread

from .growth import Case, assert_linear

SCOPE = scope_of("https://r.services.ai.azure.com/api/projects/p", "my-agent")


# --- histories -----------------------------------------------------------------------------------


def _anchored(messages: list[Message], anchored: list[Message]) -> list[Message]:
    """The messages, and behind them answers that each carry an anchor that may be believed."""
    running, out = TranscriptDigest(with_system=True), list(messages)
    for message in messages:
        running.add(message)
    for message in anchored:
        running.add(message)
        anchor = Anchor(SCOPE, running.digest(), "resp_1").encode()
        out.append(replace(message, anchor=anchor))
    return out


def _planned(history: Callable[[int], list[Message]], key: AnchorKey | None = None) -> Case:
    def case(size: int) -> Callable[[], object]:
        messages = history(size)

        def work() -> None:
            plan_chain(messages, SCOPE, key)
            plan_thread(messages, SCOPE, key, prefix="conv_", with_system=True)
            messages_for_pin(messages)

        return work

    return case


def _calls(prefix: str, size: int) -> list[ToolCall]:
    return [ToolCall(f"{prefix}{number}", "f", "{}") for number in range(size)]


def _unanswered(size: int) -> list[Message]:
    answers = [assistant(f"t{number}", ToolCall(f"u{number}", "f", "{}")) for number in range(size)]
    start = [user("q"), assistant("", ToolCall("c", "f", "{}"))]
    return [*_anchored(start, answers), tool("c", "x")]


def _answered_late(size: int) -> list[Message]:
    start = [user("q"), assistant("", *_calls("c", size))]
    answers = [assistant(f"t{number}") for number in range(size)]
    return [*_anchored(start, answers), *(tool(f"c{number}", "x") for number in range(size))]


def _paired(size: int) -> list[Message]:
    pairs = [(user("q"), replace(assistant("a"), anchor="fa1.x")) for _ in range(size)]
    return [message for pair in pairs for message in pair] + [user("q")]


HISTORIES: dict[str, tuple[Case, int]] = {
    "turns": (_planned(_paired), 2_000),
    "anchors that fit": (
        _planned(lambda n: [*_anchored([user("q")], [assistant("a")] * n), user("q")]),
        500,
    ),
    "anchors that fit, with a key": (
        _planned(
            lambda n: [*_anchored([user("q")], [assistant("a")] * n), user("q")],
            AnchorKey(b"k" * 32),
        ),
        500,
    ),
    "calls without results": (_planned(_unanswered), 300),
    "results that come late": (_planned(_answered_late), 1_500),
    "empty answers": (
        _planned(lambda n: [*_anchored([user("q")], [assistant("")] * n), user("")]),
        500,
    ),
    "system messages": (_planned(lambda n: [user("q"), *[system("s")] * n]), 2_000),
    "results of one call each": (
        _planned(
            lambda n: [
                m
                for i in range(n)
                for m in (assistant("", *_calls(f"{i}-", 1)), tool(f"{i}-0", "x"))
            ]
        ),
        1_000,
    ),
}


# --- texts ---------------------------------------------------------------------------------------


def _tried(function: Callable[[Any], object], text: Callable[[int], Any]) -> Case:
    def case(size: int) -> Callable[[], object]:
        given = text(size)

        def work() -> None:
            try:
                function(given)
            except AzureAgentsError:
                return

        return work

    return case


def _url(host: str) -> str:
    return f"https://{host}/api/projects/p"


def _failed(body: bytes, **headers: str) -> object:
    return error_from_reply(429, headers, body, doing="asking")


def _image(url: str) -> Any:
    content = [{"type": "image_url", "image_url": {"url": url}}]
    return [{"role": "user", "content": content}]


REPEATED = (
    "a",
    " ",
    "a.",
    "-",
    "a-",
    "'",
    "eyJ",
    "bearer ",
    "api-key: ",
    "not found ",
    "\x00",
    "(",
    "é",
)
TEXTS: dict[str, tuple[Case, int]] = {
    **{
        f"error of {word!r}": (
            _tried(_failed, lambda n, w=word: json.dumps({"error": {"message": w * n}}).encode()),
            20_000,
        )
        for word in REPEATED
    },
    **{
        f"page of {word!r}": (_tried(_failed, lambda n, w=word: (w * n).encode()), 20_000)
        for word in REPEATED
    },
    **{
        f"event of {word!r}": (
            _tried(lambda t: error_from_event({"message": t}, doing="x"), lambda n, w=word: w * n),
            20_000,
        )
        for word in REPEATED
    },
    **{
        f"header of {word!r}": (
            _tried(
                lambda t: _failed(b"{}", **{"retry-after": t, "location": f"https://{t}"}),
                lambda n, w=word: w * n,
            ),
            5_000,
        )
        for word in (*REPEATED, "Mon, ", "1", "(" * 3, "1 ", ":", "+")
    },
    **{
        f"host of {word!r}": (_tried(parse_endpoint, lambda n, w=word: _url(w * n + "!")), 10_000)
        for word in ("a", "a.", "a-", "_", "-", "1.", ":", "[")
    },
    **{
        f"path of {word!r}": (
            _tried(parse_endpoint, lambda n, w=word: f"https://h/{w * n}!"),
            10_000,
        )
        for word in ("a", "a/", "/", "api/projects/", ".", "./")
    },
    **{
        f"agent of {word!r}": (_tried(parse_agent, lambda n, w=word: w * n + "!"), 10_000)
        for word in ("a", "a-", "-", ":", "asst_", "azure_ai/agents/", "/")
    },
    **{
        f"handle of {word!r}": (_tried(parse_handle, lambda n, w=word: w * n + "!"), 10_000)
        for word in ("conv_", "_", "a")
    },
    **{
        f"anchor of {word!r}": (_tried(parse_anchor, lambda n, w=word: w * n), 10_000)
        for word in ("fa1.", ".", "-", "a")
    },
    **{
        f"data URL of {word!r}": (
            _tried(to_messages, lambda n, w=word: _image("data:" + w * n)),
            10_000,
        )
        for word in ("a", ";", ";a", ";base64", ",", ";base64,")
    },
    "JSON, wide": (_tried(loads, lambda n: "[" + "[]," * n + "0]"), 5_000),
    "JSON, long text": (_tried(loads, lambda n: '"' + "[{" * n + '"'), 50_000),
    "details": (
        _tried(
            lambda d: error_from_last_error({"message": "x", "details": d}, doing="x"),
            lambda n: [{"message": "x"}] * n,
        ),
        10_000,
    ),
    "digest of many": (_tried(digest_of, lambda n: [user("hello")] * n), 2_000),
    "digest of one": (_tried(digest_of, lambda n: [user("é" * n)]), 50_000),
    "digest of spaces": (_tried(digest_of, lambda n: [user(" " * n + "x" + " " * n)]), 50_000),
    "digest of arguments": (
        _tried(
            digest_of, lambda n: [assistant("", ToolCall("c", "f", json.dumps(list(range(n)))))]
        ),
        5_000,
    ),
}

CASES = {
    f"{family}: {name}": case
    for family, cases in (
        ("history", HISTORIES),
        ("text", TEXTS),
    )
    for name, case in cases.items()
}


@pytest.mark.slow
@pytest.mark.parametrize(("case", "size"), CASES.values(), ids=CASES)
def test_time_grows_with_the_input(case: Case, size: int) -> None:
    """Never with its square."""
    assert_linear(case, size)
