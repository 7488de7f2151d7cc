"""Objects as answers, by LangChain's methods; the rules are in `azure_agents.content.structured`.

All three methods go one way, since LangChain's own, one forced function tool with the schema, does
not fit an agent whose tools are declared on the server. A classic run takes the schema; a v2 agent
answers under its own schema if it declares one, else a system message gives it the wanted one.
Words and check are those of ``response_format`` on a call, and the module says why both exist.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping
from contextlib import aclosing, suppress
from functools import partial
from typing import Any, cast

from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    message_chunk_to_message,
)
from langchain_core.runnables import Runnable, RunnableConfig, RunnableSerializable
from langchain_core.utils.function_calling import convert_to_json_schema
from langchain_core.utils.json import parse_partial_json
from pydantic import Field, SkipValidation

from azure_agents.content.schema_check import read_object
from azure_agents.content.structured import (
    JSON_OBJECT,
    Answer,
    Inquiry,
    instruction,
    json_of,
    response_format,
)
from azure_agents.errors import ConfigError, StructuredOutputError
from azure_agents.naming import shown

from ._errors import as_model_error, translated
from ._settings import AgentSettings

METHODS = ("json_schema", "function_calling", "json_mode")


class Question:
    """A request for one object, over one or two turns.

    Args:
        schema: A pydantic class, or what LangChain takes for a JSON schema.
        messages: The messages of the caller.
        in_words: A system message gives the agent the schema, since nothing enforces it.
        is_agents_schema: The schema of the agent's own definition is in force.

    Attributes:
        messages: The messages to send next.
        is_agents_schema: As given.
    """

    def __init__(
        self,
        schema: Any,
        messages: list[BaseMessage],
        *,
        in_words: bool,
        is_agents_schema: bool = False,
    ) -> None:
        self._inquiry = Inquiry(_parser(schema), is_agents_schema=is_agents_schema)
        self.is_agents_schema = is_agents_schema
        self.messages = list(messages)
        if in_words:
            self.messages.append(SystemMessage(instruction(convert_to_json_schema(schema))))

    def read(self, message: AIMessage) -> Any:
        """Read the object of an answer; after None, `messages` ask for a better one.

        Raises:
            StructuredOutputError: The answer has none; also an `OutputParserException`, or a
                `ModelRefusalError` where langchain-core has it.
        """
        answer = Answer.of(message.text, _refusal_of(message), message.response_metadata)
        try:
            found = self._inquiry.read(answer)
        except StructuredOutputError as error:
            both: Any = as_model_error(error)
            if hasattr(both, "raw_message"):
                both.raw_message = message
            raise both from error
        if found is None:
            self.messages += [message, HumanMessage(self._inquiry.repair)]
        return found


def _refusal_of(message: AIMessage) -> str:
    blocks: list[Any] = list(message.content_blocks)
    values = [b.get("value", b) if b["type"] == "non_standard" else b for b in blocks]
    return "".join(value.get("refusal", "") for value in values)


def _parser(schema: Any) -> Callable[[str], Any]:
    # By its method: to import `pydantic.v1` warns on younger Pythons.
    for method in ("model_validate_json", "parse_raw"):
        if isinstance(schema, type) and hasattr(schema, method):
            return getattr(schema, method)  # type: ignore[no-any-return]
    return partial(read_object, schema=convert_to_json_schema(schema))


class StructuredOutput(RunnableSerializable[Any, Any]):
    """A runnable that answers with objects; made by `ChatAzureAgent.with_structured_output`.

    It can be pickled where its parts can. `stream` gives a pydantic object once, and a dictionary
    as it grows where the service enforces a schema.
    """

    name: str | None = Field(default="structured output", description="Name of the run.")
    llm: SkipValidation[Any] = Field(description="The model that is asked.")
    wanted: SkipValidation[Any] = Field(description="Class or schema of the object.")
    method: str = Field(description="LangChain's name of the way to the object.")
    strict: bool | None = Field(description="Whether the schema holds to the letter (classic).")
    include_raw: bool = Field(description="Give the message as well, and errors as values.")
    options: dict[str, Any] = Field(description="More options of the calls.")

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """Ask for the object."""
        return self._call_with_config(cast("Any", self._ask), input, config, **kwargs)

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """Ask for the object."""
        return await self._acall_with_config(cast("Any", self._aask), input, config, **kwargs)

    def stream(
        self, input: Any, config: RunnableConfig | None = None, **kwargs: Any
    ) -> Iterator[Any]:
        """Ask for the object; yield it as it grows, where that is possible."""
        yield from self._transform_stream_with_config(
            iter([input]), cast("Any", self._pieces), config, **kwargs
        )

    async def astream(
        self, input: Any, config: RunnableConfig | None = None, **kwargs: Any
    ) -> AsyncIterator[Any]:
        """Ask for the object; yield it as it grows, where that is possible."""

        async def inputs() -> AsyncIterator[Any]:
            yield input

        stream = self._atransform_stream_with_config(
            inputs(), cast("Any", self._apieces), config, **kwargs
        )
        async with aclosing(cast("AsyncGenerator[Any, None]", stream)) as pieces:
            async for piece in pieces:
                yield piece

    # -- asking ------------------------------------------------------------------------------------

    @property
    def _takes_schema(self) -> bool:
        return bool(self.llm._takes_schema)  # noqa: SLF001 - the model is ours

    @property
    def _may_use_words(self) -> bool:
        # In JSON mode the caller describes the object, as with OpenAI's.
        return not self._takes_schema and self.method != "json_mode"

    def _bound(self) -> Runnable[LanguageModelInput, AIMessage]:
        options = dict(self.options)
        if self._takes_schema:
            options["response_format"] = _response_format(
                self.wanted, self.method, strict=self.strict
            )
        about = {"method": self.method, "strict": self.strict}
        wanted = {"kwargs": about, "schema": self.wanted}
        bound: Runnable[LanguageModelInput, AIMessage] = self.llm.bind(
            ls_structured_output_format=wanted, **options
        )
        return bound

    def _question(self, given: LanguageModelInput, declared: object) -> Question:
        messages = self.llm._convert_input(given).to_messages()  # noqa: SLF001 - of our base class
        has_own = declared is not None
        in_words = self._may_use_words and not has_own
        return Question(self.wanted, messages, in_words=in_words, is_agents_schema=has_own)

    def _ask(self, given: LanguageModelInput, config: RunnableConfig, **kwargs: Any) -> Any:
        return self._ask_until_found(self._first_question(given), config, kwargs)

    async def _aask(self, given: LanguageModelInput, config: RunnableConfig, **kwargs: Any) -> Any:
        return await self._aask_until_found(await self._afirst_question(given), config, kwargs)

    def _first_question(self, given: LanguageModelInput) -> Question:
        with translated():
            declared = self.llm.client.answer_schema() if self._may_use_words else None
        return self._question(given, declared)

    async def _afirst_question(self, given: LanguageModelInput) -> Question:
        with translated():
            declared = await self.llm.async_client.answer_schema() if self._may_use_words else None
        return self._question(given, declared)

    def _ask_until_found(self, question: Question, config: RunnableConfig, kwargs: Any) -> Any:
        found = None
        while found is None:
            answer = self._bound().invoke(question.messages, config, **kwargs)
            found = _result(question, answer, include_raw=self.include_raw)
        return found

    async def _aask_until_found(
        self, question: Question, config: RunnableConfig, kwargs: Any
    ) -> Any:
        found = None
        while found is None:
            answer = await self._bound().ainvoke(question.messages, config, **kwargs)
            found = _result(question, answer, include_raw=self.include_raw)
        return found

    # -- streaming ---------------------------------------------------------------------------------

    def _grows(self, question: Question) -> bool:
        # A piece that was yielded cannot be taken back: only what the service enforces may grow.
        is_whole = self.include_raw or hasattr(self.wanted, "model_validate_json")
        is_whole = is_whole or hasattr(self.wanted, "parse_raw")  # pydantic's second and first
        return not is_whole and (self._takes_schema or question.is_agents_schema)

    def _pieces(
        self, inputs: Iterator[LanguageModelInput], config: RunnableConfig, **kwargs: Any
    ) -> Iterator[Any]:
        question = self._first_question(next(inputs))
        found = None
        if self._grows(question):
            growing = Growing()
            for chunk in self._bound().stream(question.messages, config, **kwargs):
                yield from growing.feed(chunk)
            found = question.read(growing.message())
        yield self._ask_until_found(question, config, kwargs) if found is None else found

    async def _apieces(
        self, inputs: AsyncIterator[LanguageModelInput], config: RunnableConfig, **kwargs: Any
    ) -> AsyncIterator[Any]:
        question = await self._afirst_question(await anext(inputs))
        found = None
        if self._grows(question):
            growing = Growing()
            async for chunk in self._bound().astream(question.messages, config, **kwargs):
                for piece in growing.feed(chunk):
                    yield piece
            found = question.read(growing.message())
        yield await self._aask_until_found(question, config, kwargs) if found is None else found


class Growing:
    """Reads a dictionary out of the chunks of its JSON, each time as far as it goes."""

    def __init__(self) -> None:
        self._whole: AIMessageChunk | None = None
        self._latest: Any = None

    def feed(self, chunk: Any) -> Iterator[dict[str, Any]]:
        """Take the next chunk; yield the dictionary if it has grown."""
        self._whole = chunk if self._whole is None else self._whole + chunk
        with suppress(ValueError):
            found = parse_partial_json(json_of(self._whole.text))
            if isinstance(found, dict) and found and found != self._latest:
                self._latest = found
                yield found

    def message(self) -> AIMessage:
        """Add the chunks up to their message."""
        return cast(
            "AIMessage", message_chunk_to_message(self._whole or AIMessageChunk(content=""))
        )


def structured(
    model: AgentSettings,
    schema: Any,
    *,
    method: str,
    strict: bool | None,
    include_raw: bool,
    options: Mapping[str, Any],
) -> Runnable[LanguageModelInput, Any]:
    """Make the runnable that answers with objects; see `ChatAzureAgent.with_structured_output`.

    Raises:
        ConfigError: The method is unknown.
        ValueError: LangChain makes no JSON schema of it.
    """
    if method not in METHODS:
        raise ConfigError(f"method={shown(method)} is unknown: use {', '.join(map(repr, METHODS))}")
    if method != "json_mode":
        convert_to_json_schema(schema, strict=strict)  # a wrong schema is refused here, not later
    return StructuredOutput(
        llm=model,
        wanted=schema,
        method=method,
        strict=strict,
        include_raw=include_raw,
        options=dict(options),
    )


def _result(question: Question, answer: AIMessage, *, include_raw: bool) -> Any:
    if not include_raw:
        return question.read(answer)
    try:
        parsed = question.read(answer)
    except StructuredOutputError as exc:
        return {"raw": answer, "parsed": None, "parsing_error": exc}
    if parsed is None:
        return None
    return {"raw": answer, "parsed": parsed, "parsing_error": None}


def _response_format(schema: Any, method: str, *, strict: bool | None) -> dict[str, Any]:
    if method == "json_mode":
        return dict(JSON_OBJECT)
    given = convert_to_json_schema(schema, strict=strict)
    return response_format(str(given.get("title", "answer")), given, strict=strict)
