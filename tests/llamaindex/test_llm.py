"""`AzureAgentLLM` against the emulator: endpoints, histories, ids, usage, options."""

from collections.abc import Callable
from typing import Any

import pytest
from llama_index.core.base.llms.base import BaseLLM
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, MessageRole, TextBlock
from llama_index.core.callbacks import CallbackManager, TokenCountingHandler

from azure_agents.emulator import Empty, Emulator, Fault, Text
from azure_agents.errors import ConfigError, InvalidRequestError, RateLimitError
from llamaindex_azure_agents import AzureAgentLLM, record_turns

ENDPOINT = "https://r.services.ai.azure.com/api/projects/p"
Ask = Callable[..., Any]


def transcript(foundry: Emulator, turn: int = -1) -> list[tuple[str, str]]:
    """What the agent saw: roles and texts, classic instructions where system messages stand."""
    seen = foundry.seen[turn]
    extra = [("system", seen.additional_instructions)] if seen.additional_instructions else []
    return [*extra, *((m.role, m.text) for m in seen.messages)]


# -- endpoints ----------------------------------------------------------------------------------


def test_it_is_an_llm() -> None:
    """What `Settings.llm` and every engine ask for."""
    assert BaseLLM.__name__ in [cls.__name__ for cls in AzureAgentLLM.__mro__]
    assert "azure_agent_llm" == AzureAgentLLM.class_name()


def test_chats_answer(make_llm: Ask, ask: Ask) -> None:
    """All four chat endpoints."""
    response = ask(make_llm("Hello there, you."), [ChatMessage("Hi")])
    assert (MessageRole.ASSISTANT, "Hello there, you.") == (
        response.message.role,
        response.message.content,
    )


def test_completions_answer(make_llm: Ask, complete: Ask) -> None:
    """All four completion endpoints."""
    assert "Hello there, you." == complete(make_llm("Hello there, you."), "Hi").text


def test_content_is_cumulative(make_llm: Ask, streamed: Ask) -> None:
    """`delta` is what is new, the content the whole text so far; the last chunk is not empty."""
    llm = make_llm(Text(deltas=("Hello", " there", ",", " you.")))
    shown, text = [], ""
    for chunk in streamed(llm, "Hi"):
        text += chunk.delta
        shown.append(chunk.message.content if isinstance(chunk, ChatResponse) else chunk.text)
        assert text == shown[-1]
    assert "Hello" == shown[0]
    assert "Hello there, you." == shown[-1]


def test_empty_answers_are_empty_messages(make_llm: Ask, ask: Ask) -> None:
    """Not an exception."""
    assert "" == ask(make_llm(Empty()), [ChatMessage("Hi")]).message.content


@pytest.mark.parametrize(("args", "kwargs"), [((), {}), (("x",), {"prompt": "x"})])
def test_a_prompt_is_given_once(args: Any, kwargs: Any) -> None:
    """The signature says so, which is the method's own."""
    llm = AzureAgentLLM("my-agent", endpoint=ENDPOINT, credential="token")
    with pytest.raises(TypeError, match="prompt"):
        llm.complete(*args, **kwargs)


# -- histories ----------------------------------------------------------------------------------


def test_a_conversation_continues(foundry: Emulator, make_llm: Ask, ask: Ask) -> None:
    """The agent sees the messages of the call; from the second turn on one request is enough."""
    llm = make_llm(["one", "two", "three"])
    history: list[ChatMessage] = []
    for question in ("a", "b", "c"):
        history.append(ChatMessage(question))
        before = len(foundry.requests)
        history.append(ask(llm, history).message)
        assert [(m.role.value, m.content) for m in history[:-1]] == transcript(foundry)
        assert 1 == len(foundry.requests) - before
    assert ["one", "two", "three"] == [m.content for m in history[1::2]]


def test_an_edited_history_forks(foundry: Emulator, make_llm: Ask, ask: Ask) -> None:
    """What was said before the edit is not seen any more."""
    llm = make_llm(["one", "two"])
    first = ask(llm, [ChatMessage("a")])
    history = [ChatMessage("A!"), first.message, ChatMessage("b")]
    ask(llm, history)
    assert [(m.role.value, m.content) for m in history] == transcript(foundry)


def test_a_stored_history_continues(foundry: Emulator, make_llm: Ask, ask: Ask) -> None:
    """Chat stores keep JSON; the anchor survives it."""
    llm = make_llm(["one", "two"])
    first = ask(llm, [ChatMessage("a")]).message
    before = foundry.requests[-1]
    stored = ChatMessage.model_validate_json(first.model_dump_json())
    ask(llm, [ChatMessage("a"), stored, ChatMessage("b")])
    assert foundry.requests[-2] is before
    assert foundry.requests[-1].size < 2 * before.size


def test_system_messages_reach_the_agent(foundry: Emulator, make_llm: Ask, ask: Ask) -> None:
    """Beside its own instructions, not in their place."""
    ask(make_llm(), [ChatMessage("Be brief.", role="system"), ChatMessage("Hi")])
    assert [("system", "Be brief."), ("user", "Hi")] == transcript(foundry)


def test_a_list_of_blocks_is_a_message(foundry: Emulator, make_llm: Ask, ask: Ask) -> None:
    """Agents with an output class send one user message of many blocks."""
    blocks = [TextBlock(text="One. "), TextBlock(text="Two.")]
    ask(make_llm(), [ChatMessage(role="user", content=blocks)])
    assert [("user", "One. Two.")] == transcript(foundry)


def test_messages_that_are_wrong_leave_no_trace(foundry: Emulator, make_llm: Ask, ask: Ask) -> None:
    """Found before a request leaves."""
    llm = make_llm()
    before = len(foundry.requests)
    for messages in ([], [ChatMessage("")], [ChatMessage("3", role="tool")]):
        with pytest.raises(InvalidRequestError):
            ask(llm, messages)
    assert before == len(foundry.requests)


# -- ids and usage ------------------------------------------------------------------------------


def test_ids_are_in_all_three_places(make_llm: Ask, ask: Ask, generation: str) -> None:
    """Every caller of LlamaIndex drops two of them."""
    response = ask(make_llm(), [ChatMessage("Hi")])
    thread_id = response.additional_kwargs["thread_id"]
    assert thread_id.startswith({"v2": "resp_", "classic": "thread_"}[generation])
    assert thread_id == response.raw["thread_id"]
    own_id = {"v2": "response_id", "classic": "run_id"}[generation]
    assert response.raw["id"] == response.raw[own_id]
    anchor = response.message.additional_kwargs["foundry"]
    assert ["foundry"] == list(response.message.additional_kwargs)
    assert isinstance(anchor, str)
    assert len(anchor) <= 200


def test_a_completion_has_the_same_ids(make_llm: Ask, complete: Ask) -> None:
    """`complete` merges the keys of message and response."""
    completion = complete(make_llm(), "Hi")
    keys = {"foundry", "thread_id", "prompt_tokens", "completion_tokens", "total_tokens"}
    assert keys == set(completion.additional_kwargs)
    assert completion.raw["thread_id"] == completion.additional_kwargs["thread_id"]


def counted(llm: AzureAgentLLM, call: Callable[[], Any]) -> tuple[int, int, int]:
    """What TokenCountingHandler counts: prompt, completion, and how many calls."""
    handler = TokenCountingHandler(tokenizer=lambda _: [0] * 100_000)  # estimates would show
    llm.callback_manager = CallbackManager([handler])
    call()
    return (
        handler.prompt_llm_token_count,
        handler.completion_llm_token_count,
        len(handler.llm_token_counts),
    )


def test_chat_tokens_are_counted(foundry: Emulator, make_llm: Ask, ask: Ask) -> None:
    """The service's own numbers, once."""
    llm = make_llm("Hello there.")
    found = counted(llm, lambda: ask(llm, [ChatMessage("Hi")]))
    usage = foundry.seen[-1].usage
    assert usage is not None
    assert (*_counts(usage), 1) == found


def test_completion_tokens_are_counted(foundry: Emulator, make_llm: Ask, complete: Ask) -> None:
    """No nested chat event counts them again."""
    llm = make_llm("Hello there.")
    found = counted(llm, lambda: complete(llm, "Hi"))
    usage = foundry.seen[-1].usage
    assert usage is not None
    assert (*_counts(usage), 1) == found


def _counts(usage: Any) -> tuple[int, int]:
    if "input_tokens" in usage:
        return usage["input_tokens"], usage["output_tokens"]
    return usage["prompt_tokens"], usage["completion_tokens"]


def test_turns_are_recorded(make_llm: Ask, ask: Ask, complete: Ask) -> None:
    """For callers that get nothing but a text."""
    llm = make_llm()
    with record_turns() as turns:
        first, second = ask(llm, [ChatMessage("Hi")]), complete(llm, "Hi")
    ask(llm, [ChatMessage("Hi")])
    assert [first.raw, second.raw] == turns


# -- settings and options -----------------------------------------------------------------------


def test_metadata_is_what_was_set() -> None:
    """No table of models, and no network: this LLM has no transport that works."""
    llm = AzureAgentLLM(
        "asst_abc",
        endpoint=ENDPOINT,
        context_window=10,
        num_output=5,
        is_function_calling_model=False,
    )
    found = llm.metadata
    assert (10, 5, True, False, "asst_abc") == (
        found.context_window,
        found.num_output,
        found.is_chat_model,
        found.is_function_calling_model,
        found.model_name,
    )


MISTAKES = [
    ({"endpoint": None}, "no endpoint"),
    ({"endpoint": "https://r.openai.azure.com"}, "endpoint"),
    ({"endpoint": "http://r.services.ai.azure.com/api/projects/p"}, "http"),
    ({"api_base": "https://other.services.ai.azure.com/api/projects/p"}, "one setting"),
    ({"model": ""}, "model is empty"),
    ({"model": "asst_abc:1"}, "asst_abc"),
    ({"threads": "forever"}, "threads='forever'"),
    ({"thread_id": "resp_0123456789"}, "per call"),
    ({"timeout": float("nan")}, "timeout"),
    ({"timeout": -1}, "timeout"),
    ({"instructions_mode": "replace"}, "instructions_mode"),
]


@pytest.mark.parametrize(("settings", "words"), MISTAKES)
def test_wrong_settings_are_refused_at_once(
    settings: dict[str, Any], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Typed, and before anything is sent."""
    for name in ("AZURE_AI_PROJECT_ENDPOINT", "AZURE_API_BASE"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ConfigError) as caught:
        AzureAgentLLM(**{"model": "my-agent", "endpoint": ENDPOINT, **settings})
    assert words in str(caught.value)


UNKNOWN = {
    "api_kye": ": did you mean 'api_key'?",
    "instuctions": ": did you mean 'instructions'?",
    "threadid": ": did you mean 'thread_id'?",
    "callback_manger": ": did you mean 'callback_manager'?",  # of LlamaIndex
    "top_p": ".",
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_unknown_settings_are_refused_without_showing_them(name: str) -> None:
    """The known name is told that may be meant; the value is not, in a copy neither."""
    llm = AzureAgentLLM("my-agent", endpoint=ENDPOINT)
    doors: list[Callable[..., AzureAgentLLM]] = [
        lambda update: AzureAgentLLM("my-agent", endpoint=ENDPOINT, **update),
        lambda update: llm.model_copy(update=update),
    ]
    for door in doors:
        with pytest.raises(ConfigError) as caught:
            door(update={name: "s3cret"})
        assert f"AzureAgentLLM has no argument {name!r}{UNKNOWN[name]}" in str(caught.value)
        assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("name", ["endpoint", "api_base", "project_endpoint"])
def test_the_endpoint_has_three_names(name: str) -> None:
    """Ours, LiteLLM's and Microsoft's."""
    assert ENDPOINT == AzureAgentLLM("my-agent", **{name: ENDPOINT}).endpoint


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """And are shown as they were resolved."""
    monkeypatch.setenv("AZURE_AI_PROJECT_ENDPOINT", ENDPOINT)
    monkeypatch.setenv("AZURE_AI_AGENT", "my-agent:2")
    llm = AzureAgentLLM()
    assert ("my-agent:2", ENDPOINT) == (llm.model, llm.endpoint)


def test_settings_that_were_read_do_not_change() -> None:
    """A later change would be silently ignored, so it is refused; the error shows no secret."""
    llm = AzureAgentLLM("my-agent", endpoint=ENDPOINT)
    for name in ("threads", "user_identity", "extra_headers"):
        with pytest.raises(ConfigError, match=f"{name} of an AzureAgentLLM is frozen") as caught:
            setattr(llm, name, {"x-key": "a-secret"})
        assert "a-secret" not in str(caught.value)


@pytest.mark.parametrize(
    "kwargs", [{"thread_id": "thread_a"}, {"thread_id": "resp_a"}, {"nonsense": 1}]
)
def test_wrong_options_are_refused_at_the_call(
    foundry: Emulator, make_llm: Ask, ask: Ask, generation: str, kwargs: dict[str, Any]
) -> None:
    """Handles of the other generation, and options nobody knows."""
    other = {"thread_a": "classic", "resp_a": "v2"}.get(str(kwargs.get("thread_id")))
    if other == generation:
        kwargs = {"thread_id": "nonsense"}
    llm = make_llm()
    before = len(foundry.requests)
    with pytest.raises(InvalidRequestError):
        ask(llm, [ChatMessage("Hi")], **kwargs)
    assert before == len(foundry.requests)


@pytest.mark.parametrize("where", ["constructor", "additional_kwargs", "call"])
def test_a_temperature_is_refused_at_the_call(foundry: Emulator, where: str) -> None:
    """v2 keeps it on the agent: the constructor takes it, the call says what to change."""
    agent = foundry.create_agent("helper")
    settings: dict[str, dict[str, Any]] = {
        "constructor": {"temperature": 0.5},
        "additional_kwargs": {"additional_kwargs": {"temperature": 0.5}},
    }
    llm = AzureAgentLLM(agent.model, **foundry.connection(), **settings.get(where, {}))
    with pytest.raises(InvalidRequestError, match="temperature"):
        llm.chat([ChatMessage("Hi")], **({"temperature": 0.5} if where == "call" else {}))


def test_a_call_overrides_the_constructor(foundry: Emulator) -> None:
    """None means absent, also where the constructor said something else."""
    agent = foundry.create_agent("helper", reply="ok")
    llm = AzureAgentLLM(agent.model, **foundry.connection(), temperature=0.5, max_tokens=16)
    assert "ok" == llm.chat([ChatMessage("Hi")], temperature=None).message.content
    assert 16 == foundry.requests[-1].body["max_output_tokens"]


@pytest.mark.parametrize("stop", ["you", ["you", "never"]])
def test_stop_is_cut(make_llm: Ask, ask: Ask, stop: Any) -> None:
    """On our side, since agents know no such option; a cut answer is no place to continue."""
    response = ask(make_llm("Hello there, you."), [ChatMessage("Hi")], stop=stop)
    assert "Hello there, " == response.message.content
    assert {} == response.message.additional_kwargs


def test_a_pinned_thread_gets_only_what_is_new(foundry: Emulator, make_llm: Ask, ask: Ask) -> None:
    """The thread is taken at the caller's word."""
    llm = make_llm(["one", "two"])
    thread_id = ask(llm, [ChatMessage("a")]).additional_kwargs["thread_id"]
    ask(llm, [ChatMessage("b")], thread_id=thread_id)
    assert [("user", "a"), ("assistant", "one"), ("user", "b")] == transcript(foundry)


def test_errors_keep_their_facts(foundry: Emulator, make_llm: Ask, ask: Ask) -> None:
    """The core's errors reach the caller as they are."""
    llm = make_llm(max_retries=0)
    foundry.faults.add(Fault("status_before", status=429, times=None))
    with pytest.raises(RateLimitError) as caught:
        ask(llm, [ChatMessage("Hi")])
    assert 429 == caught.value.status
