"""`ClaudeInFoundry`: LlamaIndex's Anthropic LLM in Foundry, in every way it is called."""

from __future__ import annotations

import asyncio
import copy
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.llms import ChatMessage
from llama_index.core.tools import FunctionTool
from pydantic import BaseModel

from azure_agents.emulator import Emulator, Fault, Parts, Reasoning, ToolCalls
from azure_agents.errors import ConfigError, CredentialError
from llamaindex_azure_agents import ClaudeInFoundry, init_azure_llm

NAME = "claude-haiku-4-5"
MODEL = f"{NAME}-20251001"
HELLO = [ChatMessage(role="system", content="Be brief."), ChatMessage("Hello")]
WHERE = {"api_base": "https://r.services.ai.azure.com/anthropic", "api_key": "the-key-of-r"}


@pytest.fixture
def foundry() -> Iterator[Emulator]:
    """An emulator with repeatable ids."""
    with Emulator(seed=7) as emulator:
        emulator.deploy(NAME, "Grüße!", model=MODEL)
        yield emulator


def made(foundry: Emulator, model: str = NAME, **more: Any) -> ClaudeInFoundry:
    """An LLM of the emulator."""
    return ClaudeInFoundry(model, **{**foundry.deployment_connection(), **more})


WAYS = ["chat", "stream_chat", "achat", "astream_chat"]


def ask(llm: Any, way: str, messages: Any = HELLO, **more: Any) -> Any:
    """The last of what a call gives."""

    async def run() -> Any:
        answer = await getattr(llm, way)(messages, **more)
        return [one async for one in answer][-1] if "stream" in way else answer

    if way.startswith("a"):
        return asyncio.run(run())
    answer = getattr(llm, way)(messages, **more)
    return list(answer)[-1] if "stream" in way else answer


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", [NAME, f"azure_ai/{NAME}", f"azure/{NAME}"])
def test_claude_answers(foundry: Emulator, name: str, way: str) -> None:
    """Whole and streamed, sync and async; the system message is the system prompt."""
    assert "Grüße!" == ask(made(foundry, name), way).message.content
    seen = foundry.seen[-1]
    assert ("Be brief.", "Hello") == (seen.instructions, seen.last_user_text)


def test_the_factory_makes_the_same(foundry: Emulator) -> None:
    """`complete` goes through `chat`, as with every chat model of LlamaIndex."""
    llm = init_azure_llm(f"azure_ai/{NAME}", **foundry.deployment_connection())
    assert (ClaudeInFoundry, "Grüße!") == (type(llm), llm.complete("Hello").text)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("sign_in", ["credential", "provider"])
def test_a_token_signs_in(foundry: Emulator, way: str, sign_in: str) -> None:
    """Of a credential or a function, sync, for both kinds of calls."""
    scope = "https://cognitiveservices.azure.com/.default"
    ways: dict[str, Any] = {
        "credential": {"credential": foundry.credential},
        "provider": {"azure_ad_token_provider": lambda: foundry.credential.get_token(scope).token},
    }
    assert "Grüße!" == ask(made(foundry, api_key=None, **ways[sign_in]), way).message.content


def test_one_llm_serves_many_event_loops(foundry: Emulator) -> None:
    """A second `asyncio.run` does not meet the connections of the first."""
    llm = made(foundry)
    assert ["Grüße!"] * 3 == [ask(llm, "astream_chat").message.content for _ in range(3)]


def multiply(a: int, b: int) -> int:
    """Multiply two numbers."""
    return a * b


@pytest.mark.parametrize("streaming", [True, False])
def test_an_agent_calls_tools(foundry: Emulator, streaming: bool) -> None:
    """Two at once, whose results go up in one turn."""
    calls = ToolCalls(("multiply", {"a": 2, "b": 3}), ("multiply", {"a": 4, "b": 5}))
    foundry.deploy(NAME, [calls, "6 and 20."], model=MODEL)

    async def run() -> str:
        tools = [FunctionTool.from_defaults(multiply)]
        agent = FunctionAgent(tools=tools, llm=made(foundry), streaming=streaming)
        return str(await agent.run("What are 2 x 3 and 4 x 5?"))

    assert "6 and 20." == asyncio.run(run())
    assert ["6", "20"] == [one.text for one in foundry.seen[-1].messages if one.role == "tool"]


class City(BaseModel):
    """A city."""

    name: str


@pytest.mark.filterwarnings("ignore:The 'output_format' parameter is deprecated")  # anthropic 0
@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize(
    ("name", "reply"),
    [(NAME, '{"name":"Köln"}'), ("writer", ToolCalls(("City", {"name": "Köln"})))],
)
def test_objects_are_answers(foundry: Emulator, name: str, reply: Any, is_async: bool) -> None:
    """By a schema where LlamaIndex knows that the model takes one, else by a forced call."""
    foundry.deploy(name, reply, model=MODEL)
    llm = made(foundry, name, base_model=MODEL).as_structured_llm(City)
    answer = asyncio.run(llm.achat(HELLO)) if is_async else llm.chat(HELLO)
    assert City(name="Köln") == answer.raw


@pytest.mark.parametrize("way", WAYS)
def test_thoughts_go_up_again(foundry: Emulator, way: str) -> None:
    """With their signatures: the emulator refuses a thought that it did not sign."""
    thinks = Parts(Reasoning("A hard one.", 9), "Done.")
    foundry.deploy(NAME, [thinks, "Yes."], model=MODEL)
    llm = made(foundry, thinking_dict={"type": "enabled", "budget_tokens": 1024})
    first = ask(llm, way).message
    assert "Yes." == ask(llm, way, [*HELLO, first, ChatMessage("Sure?")]).message.content
    assert "A hard one." in str(foundry.requests[-1].body["messages"])


def test_sampling_is_sent_if_it_is_given(foundry: Emulator) -> None:
    """No temperature of LlamaIndex's own, which newer models refuse; others by every SDK."""
    made(foundry).chat(HELLO)
    assert "temperature" not in foundry.requests[-1].body
    made(foundry, temperature=0.5, additional_kwargs={"top_k": 3}).chat(HELLO)
    body = foundry.requests[-1].body
    assert (0.5, 3, 4096) == (body["temperature"], body["top_k"], body["max_tokens"])


def test_what_llamaindex_has_to_know() -> None:
    """A deployment may have any name; the model behind it, or a number, says how much it reads."""
    by_name = ClaudeInFoundry("claude-sonnet-4-5", **WHERE)
    by_model = ClaudeInFoundry("writer", base_model="azure_ai/claude-sonnet-4-5", **WHERE)
    unknown = ClaudeInFoundry("claude-of-tomorrow", **WHERE)
    given = ClaudeInFoundry("claude-of-tomorrow", context_window=1_000_000, **WHERE)
    windows = [one.metadata.context_window for one in (by_name, by_model, unknown, given)]
    assert [200_000, 200_000, 200_000, 1_000_000] == windows
    assert by_model.metadata.is_function_calling_model


# ----------------------------------------------------------------------- secrets, copies, pickles


def test_no_key_is_shown() -> None:
    """In `repr`, the dictionaries that LlamaIndex makes, and pickles."""
    llm = ClaudeInFoundry(NAME, **WHERE, extra_headers={"x-team": "a-secret-too"})
    texts = [repr(llm), str(llm.to_dict()), llm.to_json(), repr(vars(llm)), str(pickle.dumps(llm))]
    assert [] == [text for text in texts if "the-key-of-r" in text or "a-secret-too" in text]


def test_a_pickle_signs_in_where_it_is_read(
    foundry: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the same settings, and the key of the environment there."""
    llm = ClaudeInFoundry(
        NAME, **WHERE, max_tokens=77, timeout=5, max_retries=0, system_prompt="Be brief."
    )
    monkeypatch.setenv("AZURE_API_KEY", "the-key-of-there")
    read = pickle.loads(pickle.dumps(llm))  # noqa: S301 - our own
    assert llm.to_dict() == read.to_dict()
    assert (77, 5, 0, "Be brief.") == (
        read.max_tokens,
        read.timeout,
        read.max_retries,
        read.system_prompt,
    )
    assert llm.to_dict() == pickle.loads(pickle.dumps(read)).to_dict()  # noqa: S301 - as above


def test_headers_that_were_left_behind_are_missed() -> None:
    """A call without them could reach another user's gateway, or none: it is an error."""
    llm = ClaudeInFoundry(NAME, **WHERE, extra_headers={"x-team": "blue"})
    read = pickle.loads(pickle.dumps(llm))  # noqa: S301 - our own
    for way in WAYS:
        with pytest.raises(ConfigError, match="extra_headers= is not pickled"):
            ask(pickle.loads(pickle.dumps(read)), way)  # noqa: S301 - our own


COPIES: list[Callable[[Any], Any]] = [
    copy.copy,
    copy.deepcopy,
    lambda one: one.model_copy(),
    lambda one: one.model_copy(update={"max_tokens": 7}),
    lambda one: one.model_copy(deep=True),
]


@pytest.mark.parametrize("copied", COPIES)
def test_copies_are_signed_in(foundry: Emulator, copied: Callable[[Any], Any]) -> None:
    """They have the credential of the original."""
    twin = copied(made(foundry))
    assert ["Grüße!"] * 2 == [ask(twin, way).message.content for way in ("chat", "achat")]
    assert foundry.requests[-1].body["max_tokens"] == twin.max_tokens


# ------------------------------------------------------------------------------------------ errors


@pytest.mark.parametrize("way", WAYS)
def test_a_failed_sign_in_is_our_error(foundry: Emulator, way: str) -> None:
    """Asked once, and nothing is sent."""
    asked = []

    def provide() -> str:
        asked.append(1)
        raise RuntimeError("no network in here")

    with pytest.raises(CredentialError, match="no token could be had"):
        ask(made(foundry, api_key=None, azure_ad_token_provider=provide), way)
    assert (1, []) == (len(asked), foundry.requests)


def test_retries_have_one_owner(foundry: Emulator) -> None:
    """The SDK's: one more request than retries."""
    fault = Fault("status_before", status=529, times=None, headers={"retry-after-ms": "1"})
    foundry.faults.add(fault)
    with pytest.raises(Exception, match="529"):
        made(foundry, max_retries=1).chat(HELLO)
    assert 2 == len(foundry.requests)


@pytest.mark.parametrize(
    ("model", "given", "sentence"),
    [
        ("my-deployment", {"api_base": "https://r.services.ai.azure.com"}, "base_model='claude-"),
        ("azure/gpt-4o", {"api_base": "https://r.services.ai.azure.com"}, "base_model='claude-"),
        (NAME, {"api_base": "https://r.openai.azure.com/openai/v1"}, "is Azure OpenAI's"),
        (NAME, {"max_token": 3}, "did you mean 'max_tokens'"),
        (NAME, {"aws_region": "eu"}, "has no argument 'aws_region'"),
        (NAME, {"default_headers": {}}, "use extra_headers="),
        (NAME, {"drop_params": True}, "no argument 'drop_params'"),
        (NAME, {"credential": "token"}, "both passed"),
    ],
)
def test_a_wrong_argument_is_refused_at_once(
    model: str, given: dict[str, Any], sentence: str
) -> None:
    """Before anything is sent."""
    with pytest.raises(ConfigError, match=sentence):
        ClaudeInFoundry(model, **{**WHERE, **given})
