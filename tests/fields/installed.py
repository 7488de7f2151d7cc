"""What the installed frameworks have: their types of messages and content, and the fields of each.

Also whether they are the locked versions. Against those a field without a fate is a failure; newer
ones only warn, so that nobody's tests fail because somebody else made a release. `make newest`
runs the same tests against the newest versions, where it fails.
"""

from __future__ import annotations

import inspect
import os
import re
import typing
import warnings
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import langchain_core.messages as langchain_messages
import langchain_core.messages.content as langchain_content
import llama_index.core.base.llms.types as llamaindex_types
import typing_extensions
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage, BaseMessageChunk
from llama_index.core.llms.function_calling import FunctionCallingLLM
from openai.types.chat import ChatCompletionMessageParam, completion_create_params

LOCK = Path(__file__).parents[2] / "requirements-dev.lock"
NEWEST = "AZURE_AGENTS_NEWEST"  # set by `make newest`

Fields = dict[str, set[str]]


def langchain() -> Fields:
    """Messages that are no chunks (but that of answers), and the TypedDicts of content."""
    found = {cls.__name__: set(cls.model_fields) for cls in _langchain_messages()}
    for name, thing in vars(langchain_content).items():
        if typing_extensions.is_typeddict(thing):
            found[name] = set(thing.__annotations__)
    return found


def _langchain_messages() -> Iterable[Any]:
    for name in langchain_messages.__all__:
        thing = getattr(langchain_messages, name)
        if not (isinstance(thing, type) and issubclass(thing, BaseMessage)):
            continue
        if not issubclass(thing, BaseMessageChunk) or name == "AIMessageChunk":
            yield from () if thing is BaseMessage else (thing,)


def llamaindex() -> Fields:
    """The message and all blocks."""
    blocks = {
        name: set(thing.model_fields)
        for name, thing in vars(llamaindex_types).items()
        if isinstance(thing, type) and issubclass(thing, llamaindex_types.BaseContentBlock)
    }
    return {name: fields for name, fields in blocks.items() if fields}


def openai() -> Fields:
    """Everything a message of a request may be made of."""
    found: Fields = {}
    _collect(ChatCompletionMessageParam, found)
    return found


def _collect(hint: Any, found: Fields) -> None:
    for inner in typing.get_args(hint):
        _collect(inner, found)
    if typing_extensions.is_typeddict(hint) and hint.__name__ not in found:
        hints = typing_extensions.get_type_hints(hint)
        found[hint.__name__] = set(hints)
        for inner in hints.values():
            _collect(inner, found)


def openai_parameters() -> set[str]:
    """The parameters of a chat completion."""
    streamed = completion_create_params.CompletionCreateParamsStreaming
    return set(typing_extensions.get_type_hints(streamed))


def arguments(of: str, method: str) -> set[str]:
    """The arguments of a method of LangChain's or LlamaIndex's base class."""
    base = {"langchain": BaseChatModel, "llamaindex": FunctionCallingLLM}[of]
    return set(inspect.signature(getattr(base, method)).parameters) - {"self"}


def roles() -> set[str]:
    """LlamaIndex's roles."""
    return set(llamaindex_types.MessageRole.__members__)


def are_locked(package: str) -> bool:
    """Whether the installed version is the one that developers lock."""
    locked = re.search(rf"^{re.escape(package)}==(\S+)", LOCK.read_text(), re.MULTILINE)
    return locked is not None and locked[1] == version(package)


class NewFieldsWarning(UserWarning):
    """A newer version of a framework has something that the tables do not know."""


def complain(package: str, unknown: Iterable[str]) -> None:
    """Fail for the locked version and where the newest is asked for; else only warn."""
    names = sorted(unknown)
    sentence = (
        f"{package} {version(package)} has what no table in tests/fields names: {', '.join(names)}"
    )
    if names and (are_locked(package) or os.environ.get(NEWEST)):
        raise AssertionError(sentence)
    if names:
        warnings.warn(sentence, NewFieldsWarning, stacklevel=2)
