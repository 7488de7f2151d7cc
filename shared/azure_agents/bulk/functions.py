"""Functions that run here: what the model is told of them, and that each call runs once."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, get_type_hints

from pydantic import Field, TypeAdapter, ValidationError, create_model

from ..errors import ConfigError, ProtocolError, ToolOutcomeUnknownError
from ..frameworks.tool_results import ToolResults, to_the_end
from ..jsonio import JSON, canonical, loads
from ..messages import ToolCall
from ..threads.store import ThreadStore

_ANYTHING: TypeAdapter[Any] = TypeAdapter(Any)


class Functions:
    """The functions of a run.

    Args:
        given: Functions, or tools of LangChain or LlamaIndex.
        store: Keeps what calls returned.

    Raises:
        ConfigError: Something is no function, or two have one name.
    """

    def __init__(self, given: Iterable[Any], store: ThreadStore) -> None:
        self._by_name: dict[str, _Function] = {}
        for one in given:
            function = _read(one)
            if function.name in self._by_name:
                raise ConfigError(f"two tools have the name {function.name!r}: rename one")
            self._by_name[function.name] = function
        self._store = store

    @property
    def declared(self) -> list[JSON]:
        """The functions in OpenAI's form."""
        return [one.declared for one in self._by_name.values()]

    async def answer(self, calls: Sequence[Mapping[str, Any]], scope: str) -> list[JSON]:
        """Run calls, each once, and give the messages that answer them.

        Args:
            calls: As the answer has them.
            scope: The row and its turn: keeps equal calls apart.
        """
        return list(await asyncio.gather(*(self._one(call, scope) for call in calls)))

    async def _one(self, call: Mapping[str, Any], scope: str) -> JSON:
        asked = call["function"]
        name, arguments = str(asked.get("name")), str(asked.get("arguments") or "{}")
        made = ToolCall(str(call["id"]), name, arguments)
        text, is_error = await self._run(made, scope)
        message = {"role": "tool", "tool_call_id": made.id, "content": text}
        return {**message, "is_error": True} if is_error else message

    async def _run(self, call: ToolCall, scope: str) -> tuple[str, bool]:
        function = self._by_name.get(call.name)
        if function is None:
            return f"there is no function {call.name!r}", True
        results = ToolResults(self._store, scope)
        try:
            kept = await to_the_end(results.begin, call)
        except ToolOutcomeUnknownError as error:
            return error.message, True  # a process ended inside it: nobody knows its effect
        if kept is not None:
            return kept, False
        try:
            text = await function.run(call.arguments)
        except Exception as error:  # noqa: BLE001 - the agent hears what its call came to
            # It may have had an effect before it failed, so it is not run again: what it came to
            # is kept as its result.
            text = f"{type(error).__name__}: {error}"
        await to_the_end(results.keep, call, text)
        return text, False


class _Function:
    def __init__(self, name: str, about: str, parameters: JSON, call: Callable[..., Any]) -> None:
        self.name = name
        self.declared: JSON = {
            "type": "function",
            "function": {"name": name, "description": about, "parameters": parameters},
        }
        self._call = call
        self._arguments: Any = None

    def checked_by(self, model: Any) -> _Function:
        self._arguments = model
        return self

    async def run(self, arguments: str) -> str:
        given = loads(arguments)
        if not isinstance(given, dict):
            raise ProtocolError("the arguments are no JSON object")
        if self._arguments is not None:
            try:
                read = self._arguments.model_validate(given)
            except ValidationError as error:
                return f"the arguments do not fit: {error}"
            given = {name: getattr(read, name) for name in type(read).model_fields}
        if inspect.iscoroutinefunction(self._call):
            return _text(await self._call(**given))
        result = await asyncio.to_thread(self._call, **given)
        return _text(await result if inspect.isawaitable(result) else result)


def _read(given: Any) -> _Function:
    metadata: Any = getattr(given, "metadata", None)
    if hasattr(metadata, "to_openai_tool"):  # a tool of LlamaIndex
        told = metadata.to_openai_tool()["function"]
        return _Function(told["name"], told["description"], told["parameters"], given.call)
    if hasattr(given, "args_schema") and hasattr(given, "ainvoke"):  # a tool of LangChain
        return _of_langchain(given)
    if not callable(given):
        raise ConfigError(
            f"{given!r} is no function: --tools (tools=) takes functions that run here"
        )
    return _of_function(given)


def _of_langchain(given: Any) -> _Function:
    schema = given.tool_call_schema
    parameters = schema if isinstance(schema, dict) else schema.model_json_schema()

    async def call(**arguments: Any) -> Any:
        return await given.ainvoke(arguments)

    return _Function(given.name, given.description, parameters, call)


def _of_function(given: Callable[..., Any]) -> _Function:
    fields: dict[str, Any] = {}
    hints = get_type_hints(given, include_extras=True)
    for name, parameter in inspect.signature(given).parameters.items():
        if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            raise ConfigError(f"the tool {given.__name__!r} takes any arguments: name them")
        default = ... if parameter.default is parameter.empty else parameter.default
        fields[name] = (hints.get(name, Any), Field(default))
    model = create_model(given.__name__, **fields)
    parameters = model.model_json_schema()
    parameters.pop("title", None)
    about = inspect.getdoc(given) or given.__name__
    return _Function(given.__name__, about, parameters, given).checked_by(model)


def _text(result: Any) -> str:
    if isinstance(result, str):
        return result
    return canonical(_ANYTHING.dump_python(result, mode="json"))
