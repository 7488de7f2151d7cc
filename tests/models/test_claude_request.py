"""The arguments of a chat as the body that goes up to Claude, rule by rule."""

from __future__ import annotations

from typing import Any

import pytest

from azure_agents.errors import InvalidRequestError
from azure_agents.models.claude.blocks import to_message
from azure_agents.models.claude.request import to_body
from azure_agents.models.names import read_model

from .claude import text, thought, use

HELLO = [{"role": "user", "content": "Hello"}]
PNG = "data:image/png;base64,iVBORw=="
PDF = "data:application/pdf;base64,JVBERi0="


def body(
    messages: list[dict[str, Any]] | None = None,
    model: str = "azure_ai/claude-haiku-4-5",
    base_model: str | None = None,
    *,
    drops: bool = False,
    **fields: Any,
) -> dict[str, Any]:
    """The body of one call."""
    base = "https://r.services.ai.azure.com/anthropic"
    named = read_model(model, base=base, base_model=base_model)
    return to_body(HELLO if messages is None else messages, fields, named, drops=drops)


def turns(*messages: dict[str, Any]) -> list[dict[str, Any]]:
    """The turns of a history."""
    found: list[dict[str, Any]] = body(list(messages))["messages"]
    return found


def user(*blocks: dict[str, Any]) -> dict[str, Any]:
    """A user's turn."""
    return {"role": "user", "content": list(blocks)}


def call(arguments: object, id: str = "toolu_1") -> dict[str, Any]:
    """A call in OpenAI's format."""
    return {"id": id, "type": "function", "function": {"name": "f", "arguments": arguments}}


FIELDS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {"max_tokens": 4096}),
    ({"max_tokens": 7}, {"max_tokens": 7}),
    ({"max_completion_tokens": 7}, {"max_tokens": 7}),
    ({"stop": "END"}, {"stop_sequences": ["END"]}),
    ({"stop": ["a", "b"]}, {"stop_sequences": ["a", "b"]}),
    ({"user": "u-1"}, {"metadata": {"user_id": "u-1"}}),
    ({"metadata": {"user_id": "u-1"}}, {"metadata": {"user_id": "u-1"}}),
    ({"temperature": 0.2, "top_p": 0.9}, {"temperature": 0.2, "top_p": 0.9}),
    ({"top_k": 5, "novelty": {"of": 1}}, {"top_k": 5, "novelty": {"of": 1}}),
    ({"n": 1, "stream_options": {"include_usage": True}}, {}),
    ({"response_format": {"type": "text"}}, {}),
    (
        {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "n", "strict": True, "schema": {"type": "object"}},
            }
        },
        {"output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}}},
    ),
]


@pytest.mark.parametrize(("given", "expected"), FIELDS)
def test_arguments_go_up_by_the_names_that_claude_has(
    given: dict[str, Any], expected: dict[str, Any]
) -> None:
    """What both have is mapped, what only Claude has passes, also what is new tomorrow."""
    base = {"max_tokens": 4096, "messages": [user(text("Hello"))]}
    assert {**base, **expected} == body(**given)


EFFORTS: list[tuple[str, str, Any, Any, int]] = [
    # A budget adds to the 4,096.
    ("claude-haiku-4-5", "low", {"type": "enabled", "budget_tokens": 1024}, None, 5120),
    ("claude-sonnet-4-5", "medium", {"type": "enabled", "budget_tokens": 2048}, None, 6144),
    ("claude-opus-4-1", "high", {"type": "enabled", "budget_tokens": 4096}, None, 8192),
    ("claude-sonnet-4-20250514", "low", {"type": "enabled", "budget_tokens": 1024}, None, 5120),
    ("claude-opus-4-5-20251101", "low", {"type": "enabled", "budget_tokens": 1024}, None, 5120),
    ("claude-sonnet-4.5", "low", {"type": "enabled", "budget_tokens": 1024}, None, 5120),
    ("claude-haiku-4-5", "none", None, None, 4096),
    ("claude-opus-4-6", "low", {"type": "adaptive"}, {"effort": "low"}, 4096),
    ("claude-opus-4-8", "xhigh", {"type": "adaptive"}, {"effort": "xhigh"}, 4096),
    ("claude-opus-4-10", "high", {"type": "adaptive"}, {"effort": "high"}, 4096),
    ("claude-sonnet-5", "minimal", {"type": "adaptive"}, {"effort": "low"}, 4096),
    ("claude-opus-5", "none", {"type": "disabled"}, None, 4096),
]


@pytest.mark.parametrize(("name", "effort", "thinking", "output", "limit"), EFFORTS)
def test_effort_is_a_budget_or_adaptive_thinking_by_model(
    name: str, effort: str, thinking: Any, output: Any, limit: int
) -> None:
    """Models up to 4.5 refuse adaptive thinking, newer ones refuse a budget."""
    made = body(model=f"azure_ai/{name}", reasoning_effort=effort)
    assert (thinking, output, limit) == (
        made.get("thinking"),
        made.get("output_config"),
        made["max_tokens"],
    )


def test_the_base_model_tells_what_a_deployment_of_another_name_is() -> None:
    """A deployment may have any name."""
    made = body(model="azure_ai/mine", base_model="claude-opus-4-8", reasoning_effort="low")
    assert {"type": "adaptive"} == made["thinking"]


def test_thinking_that_is_passed_goes_up_as_it_is() -> None:
    """With an effort beside it where the model takes both."""
    enabled = {"type": "enabled", "budget_tokens": 2000}
    assert (enabled, 6096) == (
        (made := body(thinking=enabled))["thinking"],
        made["max_tokens"],
    )
    shown = {"type": "adaptive", "display": "summarized"}
    made = body(model="azure_ai/claude-opus-4-8", thinking=shown, reasoning_effort="max")
    assert (shown, {"effort": "max"}) == (made["thinking"], made["output_config"])


FUNCTION = {"name": "f", "description": "d", "parameters": {"type": "object", "required": ["x"]}}
TOOL = {"name": "f", "description": "d", "input_schema": {"type": "object", "required": ["x"]}}
BARE = {"name": "g", "input_schema": {"type": "object", "properties": {}}}
OWN = {"type": "web_search_20250305", "name": "web_search"}


def test_tools_are_mapped_and_claude_s_own_pass() -> None:
    """A function without parameters takes none."""
    tools = [
        {"type": "function", "function": FUNCTION},
        {"type": "function", "function": {"name": "g"}},
        OWN,
    ]
    assert [TOOL, BARE, OWN] == body(tools=tools)["tools"]


CHOICES: list[tuple[Any, Any, Any]] = [
    (None, None, None),
    ("auto", None, {"type": "auto"}),
    ("none", None, {"type": "none"}),
    ("required", None, {"type": "any"}),
    ({"type": "function", "function": {"name": "f"}}, None, {"type": "tool", "name": "f"}),
    ({"type": "tool", "name": "f"}, None, {"type": "tool", "name": "f"}),
    (None, True, None),
    (None, False, {"type": "auto", "disable_parallel_tool_use": True}),
    ("required", False, {"type": "any", "disable_parallel_tool_use": True}),
    ("none", False, {"type": "none"}),
]


@pytest.mark.parametrize(("choice", "parallel", "expected"), CHOICES)
def test_the_choice_among_tools(choice: Any, parallel: Any, expected: Any) -> None:
    """Every form of OpenAI's; ``parallel_tool_calls`` is a part of the choice."""
    tools = [{"type": "function", "function": FUNCTION}]
    made = body(tools=tools, tool_choice=choice, parallel_tool_calls=parallel)
    assert expected == made.get("tool_choice")


PARTS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"type": "text", "text": "a"}, text("a")),
    (
        {"type": "image_url", "image_url": {"url": PNG, "detail": "low"}},
        {
            "type": "image",
            "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw=="},
        },
    ),
    (
        {"type": "image_url", "image_url": "https://x.example/cat.png"},
        {"type": "image", "source": {"type": "url", "url": "https://x.example/cat.png"}},
    ),
    (
        {"type": "file", "file": {"file_data": PDF, "filename": "a.pdf"}},
        {
            "type": "document",
            "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="},
            "title": "a.pdf",
        },
    ),
    (
        {"type": "file", "file": {"file_data": "data:text/plain;base64,SGk="}},
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "Hi"}},
    ),
    (
        {"type": "file", "file": {"file_id": "https://x.example/a.pdf"}},
        {"type": "document", "source": {"type": "url", "url": "https://x.example/a.pdf"}},
    ),
    (
        {"type": "file", "file": {"file_id": "file_1"}},
        {"type": "document", "source": {"type": "file", "file_id": "file_1"}},
    ),
    (
        {"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}},
        {**text("a"), "cache_control": {"type": "ephemeral"}},
    ),
    ({"type": "search_result", "source": "s"}, {"type": "search_result", "source": "s"}),
]


@pytest.mark.parametrize(("part", "block"), PARTS)
def test_parts_of_a_message_are_blocks(part: dict[str, Any], block: dict[str, Any]) -> None:
    """Data URLs are sent as data, addresses as addresses: nothing is fetched here."""
    assert [user(block)] == turns({"role": "user", "content": [part]})


def test_results_of_parallel_calls_are_one_turn_before_its_text() -> None:
    """The service refuses results in two turns, or behind a text."""
    history = [
        *HELLO,
        {"role": "assistant", "content": "", "tool_calls": [call("{}", "a"), call('{"x":1}', "b")]},
        {"role": "tool", "tool_call_id": "a", "content": "1"},
        {"role": "system", "content": "Be brief"},
        {"role": "tool", "tool_call_id": "b", "content": [{"type": "text", "text": "2"}]},
        {"role": "user", "content": "And?"},
    ]
    assert [
        user(text("Hello")),
        {"role": "assistant", "content": [use(id="a"), use(id="b", x=1)]},
        user(
            {"type": "tool_result", "tool_use_id": "a", "content": [text("1")]},
            {"type": "tool_result", "tool_use_id": "b", "content": [text("2")]},
            text("<system>\nBe brief\n</system>"),
            text("And?"),
        ),
    ] == turns(*history)


@pytest.mark.parametrize("arguments", ["{}", "", None, {}])
def test_a_call_without_arguments_has_an_empty_input(arguments: object) -> None:
    """Some models of OpenAI leave the arguments empty; Claude wants an object."""
    assert (
        use()
        == turns(*HELLO, {"role": "assistant", "tool_calls": [call(arguments)]})[1]["content"][0]
    )


def test_system_messages_before_everything_else_are_the_system_prompt() -> None:
    """One text is a text; several, or one with a mark of the cache, are blocks."""
    one = {"role": "system", "content": "a"}
    assert "a" == body([one, *HELLO])["system"]
    two = {"role": "developer", "content": "b", "cache_control": {"type": "ephemeral"}}
    marked = {**text("b"), "cache_control": {"type": "ephemeral"}}
    assert [text("a"), marked] == body([one, two, *HELLO])["system"]


HISTORIES: list[list[dict[str, Any]]] = [
    [thought("hm"), text("Hi"), use(x=1)],
    [{"type": "redacted_thinking", "data": "xyz"}, text("Hi")],
    # What a chat message has no order for goes up as it came.
    [thought("a"), text("b"), thought("c"), use(x=1)],
    [{"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"q": 1}}, text("b")],
    [{**text("b"), "citations": [{"type": "char_location"}]}],
]


@pytest.mark.parametrize("blocks", HISTORIES)
def test_an_answer_goes_up_as_it_came(blocks: list[dict[str, Any]]) -> None:
    """Thinking keeps its signature and its place: the service refuses what was changed."""
    assert {"role": "assistant", "content": blocks} == turns(*HELLO, to_message(blocks))[1]


def test_an_answer_that_the_caller_changed_goes_up_changed() -> None:
    """What a caller can see in a message counts, not what is kept beside it."""
    blocks = [thought("a"), text("b"), thought("c"), text("d")]
    changed = {**to_message(blocks), "content": "other"}
    expected = [thought("a"), thought("c"), text("other")]
    assert expected == turns(*HELLO, changed)[1]["content"]


WRONG: list[tuple[str, dict[str, Any]]] = [
    ("leaves nothing for the answer", {"reasoning_effort": "low", "max_tokens": 1024}),
    ("leaves nothing", {"thinking": {"type": "enabled", "budget_tokens": 5000}, "max_tokens": 9}),
    ("1024 or more", {"thinking": {"type": "enabled", "budget_tokens": 3}}),
    ("say the same", {"thinking": {"type": "enabled"}, "reasoning_effort": "low"}),
    ("did you mean 'medium'", {"reasoning_effort": "medum"}),
    ("whole number, 0 or more, got -1", {"max_tokens": -1}),
    ("whole number, 0 or more, got True", {"max_tokens": True}),
    ("max_completion_tokens= differ", {"max_tokens": 1, "max_completion_tokens": 2}),
    (r"logprobs=True has no place in Claude's messages \(", {"logprobs": True}),
    (r"pass tools=$", {"functions": [{"name": "f"}]}),
    ("n=2 has no place", {"n": 2}),
    ("does not have it", {"metadata": {"team": "x"}}),
    ("differ", {"metadata": {"user_id": "a"}, "user": "b"}),
    ("use 'json_schema'", {"response_format": {"type": "json_object"}}),
    ("is unknown", {"response_format": {"type": "xml"}}),
    ("tool_choice='some' is unknown", {"tool_choice": "some"}),
    ("True or False", {"parallel_tool_calls": 1}),
    ("a text or a list of texts", {"stop": 5}),
    (r"tools\[0\] needs a function with a name", {"tools": [{"type": "function"}]}),
]


@pytest.mark.parametrize(("words", "fields"), WRONG)
def test_wrong_arguments_are_refused(words: str, fields: dict[str, Any]) -> None:
    """Each error says what is wrong."""
    with pytest.raises(InvalidRequestError, match=words):
        body(**fields)


WRONG_MESSAGES: list[tuple[str, dict[str, Any]]] = [
    ("is empty", {"role": "user", "content": ""}),
    ("is audio", {"role": "user", "content": [{"type": "input_audio", "input_audio": {}}]}),
    ("no address", {"role": "user", "content": [{"type": "image_url", "image_url": "cat.png"}]}),
    (
        "not base64",
        {
            "role": "user",
            "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,%"}}],
        },
    ),
    (
        "takes PDF and text",
        {
            "role": "user",
            "content": [{"type": "file", "file": {"file_data": "data:a/zip;base64,SGk="}}],
        },
    ),
    ("must be a dictionary with a type", {"role": "user", "content": [{"text": "a"}]}),
    ("a text or a list of parts", {"role": "user", "content": 5}),
    ("has no tool_call_id", {"role": "tool", "content": "1"}),
    ("write tool_calls and role 'tool'", {"role": "function", "name": "f", "content": "1"}),
    ("the role of messages.1. is None", {"content": "1"}),
    ("must be a JSON object", {"role": "assistant", "tool_calls": [call("[1]")]}),
    ("must be a JSON object", {"role": "assistant", "tool_calls": [call("{")]}),
    ("needs an id", {"role": "assistant", "tool_calls": [call("{}", "")]}),
    ("must be a list of calls", {"role": "assistant", "tool_calls": 5}),
    ("must be a list of calls", {"role": "assistant", "tool_calls": ["f"]}),
    ("a call of a function", {"role": "assistant", "tool_calls": [{"id": "a"}]}),
    ("pass them as they came", {"role": "assistant", "thinking_blocks": ["hm"]}),
]


@pytest.mark.parametrize(("words", "message"), WRONG_MESSAGES)
def test_wrong_messages_are_refused(words: str, message: dict[str, Any]) -> None:
    """Each error says which message it is about."""
    with pytest.raises(InvalidRequestError, match=words) as caught:
        turns(*HELLO, message)
    assert "messages[1]" in str(caught.value)


def test_a_chat_without_a_turn_is_refused() -> None:
    """A system prompt alone asks nothing."""
    with pytest.raises(InvalidRequestError, match="no turn"):
        body([{"role": "system", "content": "a"}])


def test_what_claude_does_not_have_is_dropped_aloud_where_the_caller_allows_it() -> None:
    """Nothing is left out in silence."""
    with pytest.warns(UserWarning, match="dropped") as told:
        made = body(drops=True, seed=1, n=2, metadata={"team": "x", "user_id": "u"})
    words = ("n dropped", "seed dropped", "team")
    assert list(words) == sorted(next(w for w in words if w in str(one.message)) for one in told)
    assert {"max_tokens", "messages", "metadata"} == made.keys()
    assert {"user_id": "u"} == made["metadata"]


def test_an_effort_for_an_unknown_claude_is_refused() -> None:
    """Half of the models refuse the one form, half the other: a guess would be a coin's."""
    with pytest.raises(InvalidRequestError, match="pass base_model="):
        body(model="azure_ai/mine", reasoning_effort="low")
