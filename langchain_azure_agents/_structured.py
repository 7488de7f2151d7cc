"""Structured output in LangChain's words; what it means is in `azure_agents.structured`.

All three methods go one way, since LangChain's own, one forced function tool with the schema, does
not fit an agent whose tools are declared on the server. A classic run takes the schema; a v2 agent
answers under its own schema if it declares one, else it is told the wanted one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage
from langchain_core.runnables import RunnableConfig, RunnableLambda
from langchain_core.utils.function_calling import convert_to_json_schema

from azure_agents.errors import ConfigError, StructuredOutputError
from azure_agents.jsonio import loads
from azure_agents.naming import shown
from azure_agents.structured import JSON_OBJECT, Answer, Inquiry, instruction, response_format

from ._errors import as_model_error, translated

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from langchain_core.language_models import LanguageModelInput
    from langchain_core.runnables import Runnable

    from ._chat_model import ChatAzureAgent

METHODS = ("json_schema", "function_calling", "json_mode")


class Question:
    """One object asked for, over one or two turns.

    Args:
        schema: A pydantic class, or what LangChain takes for a JSON schema.
        messages: What the caller asks.
        is_told: The agent is told the schema, since nothing enforces it.
        is_agents_schema: The schema of the agent's own definition is in force.

    Attributes:
        messages: What to send next.
    """

    def __init__(
        self,
        schema: Any,
        messages: list[BaseMessage],
        *,
        is_told: bool,
        is_agents_schema: bool = False,
    ) -> None:
        self._inquiry = Inquiry(_parser(schema), is_agents_schema=is_agents_schema)
        self.messages = list(messages)
        if is_told:
            self.messages.append(SystemMessage(instruction(convert_to_json_schema(schema))))

    def read(self, message: AIMessage) -> Any:
        """The object; or None, and `messages` ask for a better one.

        Raises:
            StructuredOutputError: There is none; also an `OutputParserException`, or a
                `ModelRefusalError` where langchain-core has it.
        """
        try:
            found = self._inquiry.read(_answer(message))
        except StructuredOutputError as error:
            both: Any = as_model_error(error)
            if hasattr(both, "raw_message"):
                both.raw_message = message
            raise both from error
        if found is None:
            self.messages += [message, HumanMessage(self._inquiry.repair)]
        return found


def _answer(message: AIMessage) -> Answer:
    told = message.response_metadata
    return Answer(
        message.text,
        told.get("finish_reason"),
        _refusal_of(message),
        told.get("incomplete_reason"),
        {name: told.get(name) for name in ("thread_id", "run_id", "response_id")},
    )


def _refusal_of(message: AIMessage) -> str:
    blocks: list[Any] = list(message.content_blocks)
    values = [b.get("value", b) if b["type"] == "non_standard" else b for b in blocks]
    return "".join(value.get("refusal", "") for value in values)


def _parser(schema: Any) -> Callable[[str], Any]:
    # By its method: to import `pydantic.v1` warns on younger Pythons.
    for method in ("model_validate_json", "parse_raw"):
        if isinstance(schema, type) and hasattr(schema, method):
            return getattr(schema, method)  # type: ignore[no-any-return]
    required = convert_to_json_schema(schema).get("required", ())

    def parse(text: str) -> dict[str, Any]:
        value = loads(text)
        if not isinstance(value, dict):
            raise ValueError("it is no JSON object")  # noqa: TRY004 - as bad as wrong fields
        missing = [name for name in required if name not in value]
        if missing:
            raise ValueError(f"it lacks {', '.join(missing)}")
        return value

    return parse


def structured(
    model: ChatAzureAgent,
    schema: Any,
    *,
    method: str,
    strict: bool | None,
    include_raw: bool,
    options: Mapping[str, Any],
) -> Runnable[LanguageModelInput, Any]:
    """Make the runnable that gives objects; see `ChatAzureAgent.with_structured_output`.

    Raises:
        ConfigError: The method is unknown.
    """
    if method not in METHODS:
        raise ConfigError(f"method={shown(method)} is unknown: use {', '.join(map(repr, METHODS))}")
    takes_schema = model.takes_schema
    bound = dict(options)
    if takes_schema:
        bound["response_format"] = _response_format(schema, method, strict=strict)
    told = {"kwargs": {"method": method, "strict": strict}, "schema": schema}
    llm = model.bind(ls_structured_output_format=told, **bound)
    # In JSON mode the caller describes the object, as with OpenAI's.
    may_tell = not takes_schema and method != "json_mode"

    def begin(given: LanguageModelInput, declared: object) -> Question:
        messages = model._convert_input(given).to_messages()  # noqa: SLF001 - of our base class
        has_own = declared is not None
        return Question(
            schema, messages, is_told=may_tell and not has_own, is_agents_schema=has_own
        )

    def ask(given: LanguageModelInput, config: RunnableConfig, **kwargs: Any) -> Any:
        with translated():
            declared = model.client.answer_schema() if may_tell else None
        question, found = begin(given, declared), None
        while found is None:
            answer = llm.invoke(question.messages, config, **kwargs)
            found = _read(question, answer, include_raw=include_raw)
        return found

    async def aask(given: LanguageModelInput, config: RunnableConfig, **kwargs: Any) -> Any:
        with translated():
            declared = await model.async_client.answer_schema() if may_tell else None
        question, found = begin(given, declared), None
        while found is None:
            answer = await llm.ainvoke(question.messages, config, **kwargs)
            found = _read(question, answer, include_raw=include_raw)
        return found

    return RunnableLambda(ask, aask, name="structured output")


def _read(question: Question, answer: AIMessage, *, include_raw: bool) -> Any:
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
