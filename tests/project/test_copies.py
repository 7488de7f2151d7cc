"""Everything public that users keep, send to workers or change can be copied and pickled."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
import types
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pytest
from pydantic import BaseModel, PydanticDeprecatedSince20

from azure_agents import errors
from azure_agents.emulator import Parts, ToolCalls
from langchain_azure_agents import ChatAzureAgent
from langchain_azure_agents._errors import translated
from llamaindex_azure_agents import AzureAgentLLM

from .test_callables import CALLABLES

PLACE = {"endpoint": "https://r.services.ai.azure.com/api/projects/p", "credential": "s3cret"}
FACTS = {
    "status": 400,
    "code": "invalid",
    "param": "input",
    "request_id": "req",
    "retry_after": 1.5,
    "content_filter": {"violence": {"filtered": True}},
    "agent": "my-agent:1",
    "model": "azure/my-deployment",
    "thread_id": "conv_1",
    "run_id": "run_1",
    "response_id": "resp_1",
    "partial_text": "Hel",
}


class Weather(BaseModel):
    """What the agent shall fill in."""

    celsius: float


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def unpickled(value: Any) -> Any:
    """What another process gets."""
    return pickle.loads(pickle.dumps(value))  # noqa: S301 - our own bytes


WAYS: list[Callable[[Any], Any]] = [unpickled, copy.copy, copy.deepcopy]


# -- values: events, messages, the emulator's replies and transcripts ----------------------------


def values() -> list[type]:
    """All public dataclasses and named tuples."""
    classes = [one for one in CALLABLES.values() if inspect.isclass(one)]
    return [one for one in classes if dataclasses.is_dataclass(one) or hasattr(one, "_fields")]


def sample(hint: Any) -> Any:
    """Something that fits a type hint."""
    kind, inner = typing.get_origin(hint) or hint, typing.get_args(hint)
    if kind is typing.Literal:
        return inner[0]
    if kind in {typing.Union, types.UnionType}:
        return sample(inner[0])
    if kind is tuple:
        return tuple(sample(one) for one in inner if one is not ...)
    if kind in {list, Sequence}:
        return [sample(one) for one in inner]
    if kind in {dict, Mapping}:
        return {"name": sample(inner[1])}
    if kind in {int, float, bool, bytes}:
        return kind(1)
    return made(kind) if kind in values() else "text"


def made(cls: type) -> Any:
    """An instance of a value, each of its fields filled."""
    hints, taken = typing.get_type_hints(cls), inspect.signature(cls).parameters
    if cls in {Parts, ToolCalls}:  # these take any number of arguments
        return cls("Hi") if cls is Parts else cls(("add", {"a": 1}, "call_1"))
    return cls(**{name: sample(hints[name]) for name in taken if name in hints})


@pytest.mark.parametrize("cls", values(), ids=lambda cls: cls.__qualname__)
def test_values_are_copied_and_pickled(cls: type) -> None:
    """Equal, and of their class."""
    value = made(cls)
    copies = [way(value) for way in WAYS]
    assert [(cls, value)] * len(WAYS) == [(type(one), one) for one in copies]


# -- errors -------------------------------------------------------------------------------------


def below(cls: type) -> Iterator[type]:
    """A class and all that are made of it."""
    yield cls
    for one in cls.__subclasses__():
        yield from below(one)


def every_error() -> list[type[errors.AzureAgentsError]]:
    """The core's, those that LangChain knows by other names, and LlamaIndex's."""
    for cls in list(below(errors.AzureAgentsError)):  # makes those of LangChain that are missing
        with pytest.raises(cls), translated():
            raise cls("went wrong")
    return list(dict.fromkeys(below(errors.AzureAgentsError)))


def test_every_error_is_copied_and_pickled() -> None:
    """Class, sentence and facts stay."""
    found = every_error()
    assert len(found) > len({*below(errors.ServiceError)})
    for cls in found:
        error = cls("went wrong", **FACTS)  # type: ignore[arg-type]
        copies = [way(error) for way in WAYS]
        assert [(cls, str(error), FACTS)] * len(WAYS) == [
            (type(one), str(one), one.facts) for one in copies
        ]


# -- models, and what is made of them -----------------------------------------------------------


def runnables() -> dict[str, Any]:
    """What LangChain and LlamaIndex make of a model, by name."""
    model = ChatAzureAgent(model="my-agent", **PLACE)
    either = model.with_fallbacks([ChatAzureAgent(model="other-agent", **PLACE)])
    llm = AzureAgentLLM("my-agent", **PLACE)
    return {
        "model": model,
        "bound": model.bind(stop=["END"], thread_id="conv_1"),
        "tools": model.bind_tools([add]),
        "object": model.with_structured_output(Weather),
        "raw object": model.with_structured_output(Weather, include_raw=True),
        "retries": model.with_retry(),
        "fallbacks": either,
        "fallbacks with tools": either.bind_tools([add]),
        "fallbacks with an object": either.with_structured_output(Weather),
        "llm": llm,
        "llm of objects": llm.as_structured_llm(Weather),
    }


@pytest.mark.parametrize("name", runnables())
def test_models_and_runnables_are_copied_and_pickled(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the same settings; a pickle holds no credential."""
    monkeypatch.setenv("AZURE_AGENTS_API_KEY", "k")
    value = runnables()[name]
    copies = [way(value) for way in WAYS]
    assert [type(value)] * len(WAYS) == [type(one) for one in copies]
    assert [arguments(value)] * len(WAYS) == [arguments(one) for one in copies]
    assert b"s3cret" not in pickle.dumps(value)


def arguments(value: Any) -> Any:
    """What a runnable adds to calls, or how a model is set up."""
    settings = getattr(value, "_settings", None)
    return getattr(value, "kwargs", settings and dataclasses.replace(settings, anchor_key=None))


MODELS: list[Callable[[], Any]] = [
    lambda: ChatAzureAgent(model="my-agent", **PLACE),
    lambda: AzureAgentLLM("my-agent", **PLACE),
]


@pytest.mark.parametrize("make", MODELS)
def test_copies_take_changes(make: Callable[[], Any]) -> None:
    """By `model_copy` and by the older `copy`: in effect, and the first stays as it was."""
    model = make()
    with pytest.warns(PydanticDeprecatedSince20):
        older = model.copy(update={"owner": "ada", "timeout": 5}, deep=True)
    for changed in (older, model.model_copy(update={"owner": "ada", "timeout": 5})):
        settings = changed.client.settings
        assert ("ada", 5.0) == (settings.owner, settings.timeouts.turn)
    assert None is model.client.settings.owner


@pytest.mark.filterwarnings("ignore::pydantic.PydanticDeprecatedSince20")
@pytest.mark.parametrize("make", MODELS)
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"update": {"onwer": "s3cret"}}, "'onwer': did you mean 'owner'?"),
        ({"update": {"threads": "always"}}, "threads='always' is unknown"),
        ({"exclude": {"owner"}}, "a copy has all fields"),
    ],
)
def test_changes_of_the_older_copy_are_checked(
    make: Callable[[], Any], changes: dict[str, Any], said: str
) -> None:
    """Pydantic's own takes any name and value, and the next call would show it or not at all."""
    with pytest.raises(errors.ConfigError) as caught:
        make().copy(**changes)
    assert said in str(caught.value)
    assert "s3cret" not in str(caught.value)
