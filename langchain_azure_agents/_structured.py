"""Structured output: ask for an object, check it, ask once more.

LangChain's own way, one forced function tool with the schema, does not fit an agent whose tools
are declared on the server, and would leave a classic run waiting for the tool's output. So all
three methods go one way: a classic run takes the schema itself; a v2 agent is told it in a message
(a schema that its definition declares is in force anyway). What comes back is checked here, and a
wrong answer gets one repair round. A refused or truncated answer is an error with the raw text.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from langchain_core import exceptions
from langchain_core.exceptions import OutputParserException
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage
from langchain_core.runnables import RunnableConfig, RunnableLambda
from langchain_core.utils.function_calling import convert_to_json_schema

from azure_agents.errors import ConfigError, ProtocolError
from azure_agents.jsonio import loads
from azure_agents.naming import shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from langchain_core.language_models import LanguageModelInput
    from langchain_core.runnables import Runnable

    from ._chat_model import ChatAzureAgent

METHODS = ("json_schema", "function_calling", "json_mode")
# Younger versions of langchain-core have a name for it.
_Refusal: Any = getattr(exceptions, "ModelRefusalError", None)


class Inquiry:
    """One object asked for, over one or two turns.

    Args:
        wanted: A pydantic class, or what LangChain takes for a JSON schema.
        messages: What the caller asks.
        is_told: The agent is told the schema, since the service does not enforce it.

    Attributes:
        messages: What to send next.
    """

    def __init__(self, wanted: Any, messages: list[BaseMessage], *, is_told: bool) -> None:
        self._wanted = wanted
        self._schema = convert_to_json_schema(wanted)
        self._may_repair = True
        self.messages = list(messages)
        if is_told:
            self.messages.append(SystemMessage(_instruction(self._schema)))

    def read(self, answer: AIMessage) -> Any:
        """The object; or None, and `messages` ask for a better one.

        Raises:
            OutputParserException: Truncated, empty, or wrong for the second time.
            ModelRefusalError: Refused (an `OutputParserException` in older langchain-core).
        """
        _check_ending(answer)
        text = json_of(answer.text)
        try:
            return self._parsed(text)
        except (ProtocolError, ValueError) as exc:
            problem = _told(exc)
            if not self._may_repair:
                raise _failure(f"the answer is not valid ({problem})", answer) from exc
        self._may_repair = False
        repair = f"This is not valid: {problem}. Answer again, with the JSON object only."
        self.messages += [answer, HumanMessage(repair)]
        return None

    def _parsed(self, text: str) -> Any:
        # By its method: to import `pydantic.v1` warns on younger Pythons.
        for method in ("model_validate_json", "parse_raw"):
            if isinstance(self._wanted, type) and hasattr(self._wanted, method):
                return getattr(self._wanted, method)(text)
        value = loads(text)
        if not isinstance(value, dict):
            raise ValueError("it is no JSON object")  # noqa: TRY004 - as bad as wrong fields
        missing = [name for name in self._schema.get("required", ()) if name not in value]
        if missing:
            raise ValueError(f"it lacks {', '.join(missing)}")
        return value


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
    enforced = model.takes_schema
    bound = dict(options)
    if enforced:
        bound["response_format"] = _response_format(schema, method, strict=strict)
    told = {"kwargs": {"method": method, "strict": strict}, "schema": schema}
    llm = model.bind(ls_structured_output_format=told, **bound)

    def begin(given: LanguageModelInput) -> Inquiry:
        messages = model._convert_input(given).to_messages()  # noqa: SLF001 - of our base class
        # In JSON mode the caller describes the object, as with OpenAI's.
        is_told = not enforced and method != "json_mode"
        return Inquiry(schema, messages, is_told=is_told)

    def ask(given: LanguageModelInput, config: RunnableConfig, **kwargs: Any) -> Any:
        inquiry, found = begin(given), None
        while found is None:
            answer = llm.invoke(inquiry.messages, config, **kwargs)
            found = _read(inquiry, answer, include_raw=include_raw)
        return found

    async def aask(given: LanguageModelInput, config: RunnableConfig, **kwargs: Any) -> Any:
        inquiry, found = begin(given), None
        while found is None:
            answer = await llm.ainvoke(inquiry.messages, config, **kwargs)
            found = _read(inquiry, answer, include_raw=include_raw)
        return found

    return RunnableLambda(ask, aask, name="structured output")


def _read(inquiry: Inquiry, answer: AIMessage, *, include_raw: bool) -> Any:
    if not include_raw:
        return inquiry.read(answer)
    try:
        parsed = inquiry.read(answer)
    except exceptions.LangChainException as exc:
        return {"raw": answer, "parsed": None, "parsing_error": exc}
    if parsed is None:
        return None
    return {"raw": answer, "parsed": parsed, "parsing_error": None}


def _response_format(schema: Any, method: str, *, strict: bool | None) -> dict[str, Any]:
    if method == "json_mode":
        return {"type": "json_object"}
    given = convert_to_json_schema(schema, strict=strict)
    # The service takes a word as name; titles may be anything.
    name = re.sub(r"[^\w-]", "_", str(given.get("title", "answer")))[:64]
    named: dict[str, Any] = {"name": name, "schema": given}
    if strict is not None:
        named["strict"] = strict
    return {"type": "json_schema", "json_schema": named}


def _instruction(schema: dict[str, Any]) -> str:
    return (
        "Answer with one JSON object that is valid under this JSON schema, and nothing else:\n"
        f"{json.dumps(schema, ensure_ascii=False)}"
    )


def json_of(text: str) -> str:
    """The JSON of an answer, out of its Markdown fence if it has one."""
    text = text.strip()
    if not text.startswith("```"):
        return text
    return text.partition("\n")[2].removesuffix("```").strip()


def _check_ending(answer: AIMessage) -> None:
    refusal = _refusal_of(answer)
    if refusal:
        if _Refusal is not None:
            raise _Refusal(f"the agent refused: {refusal}", raw_message=answer)
        raise _failure(f"the agent refused: {refusal}", answer)
    metadata = answer.response_metadata
    if metadata.get("finish_reason") != "stop":
        reason = metadata.get("incomplete_reason") or metadata.get("finish_reason")
        raise _failure(f"the answer is not whole ({reason})", answer)
    if not answer.text.strip():
        raise _failure("the agent said nothing", answer)


def _refusal_of(answer: AIMessage) -> str:
    blocks: list[Any] = list(answer.content_blocks)
    values = [b.get("value", b) if b["type"] == "non_standard" else b for b in blocks]
    return "".join(value.get("refusal", "") for value in values)


def _told(error: Exception) -> str:
    details = getattr(error, "errors", None)  # pydantic's, old and new
    if details is None:
        return str(error)
    return "; ".join(f"{_place(each['loc'])}: {each['msg']}" for each in details())


def _place(steps: tuple[Any, ...]) -> str:
    return ".".join(map(str, steps)) or "the answer"


def _failure(what: str, answer: AIMessage) -> OutputParserException:
    return OutputParserException(f"{what}, it said {answer.text[:200]!r}", llm_output=answer.text)
