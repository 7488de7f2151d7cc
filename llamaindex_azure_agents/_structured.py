"""Structured output: ask for an object, check it, ask once more.

LlamaIndex's own way - one function tool with the schema, forced - does not fit an agent whose
tools are declared on the server. A classic run takes the schema itself; a v2 agent is told it in a
message (a schema that its definition declares is in force anyway). What comes back is checked
here, and a wrong answer gets one repair round. A refused or truncated answer is an error.

Another `pydantic_program_mode` than the default goes LlamaIndex's way.
"""

from __future__ import annotations

import json
import re
from abc import abstractmethod
from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from contextlib import aclosing, closing
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar, cast

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    CompletionResponse,
    MessageRole,
)
from llama_index.core.instrumentation.events.llm import (
    LLMStructuredPredictEndEvent,
    LLMStructuredPredictStartEvent,
)
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.program.utils import process_streaming_objects
from llama_index.core.types import PydanticProgramMode
from llama_index_instrumentation import get_dispatcher
from pydantic import BaseModel, ValidationError

from ._errors import StructuredOutputError

if TYPE_CHECKING:
    from llama_index.core.prompts import PromptTemplate

_Model = TypeVar("_Model", bound=BaseModel)
_Kwargs: TypeAlias = dict[str, Any] | None
_dispatcher = get_dispatcher(__name__)

# LlamaIndex's programs take these out as well: they belong to its way.
_TOOL_OPTIONS = ("tool_required", "tool_choice", "allow_parallel_tool_calls")


class Inquiry(Generic[_Model]):
    """One object asked for, over one or two turns.

    Args:
        wanted: Class of the object.
        messages: What the caller asks.
        options: Options of the calls, from the caller.
        takes_schema: The service enforces a schema; else the agent is told it.
        about: What the object is for, if not what its class says.

    Attributes:
        messages: What to send next.
        options: With which options.
    """

    def __init__(
        self,
        wanted: type[_Model],
        messages: Sequence[ChatMessage],
        options: Mapping[str, Any],
        *,
        takes_schema: bool,
        about: str | None = None,
    ) -> None:
        self._wanted = wanted
        self._may_repair = True
        self._shown: Any = None
        self.messages = list(messages)
        self.options = {k: v for k, v in options.items() if k not in _TOOL_OPTIONS}
        schema = wanted.model_json_schema()
        if about:
            schema["description"] = about
        if takes_schema:
            self.options["response_format"] = _response_format(wanted.__name__, schema)
        else:
            self.messages.append(ChatMessage(_instruction(schema), role=MessageRole.SYSTEM))

    def read(self, response: ChatResponse) -> _Model | None:
        """The object; or None, and `messages` ask for a better one.

        Raises:
            StructuredOutputError: Refused, truncated, or wrong for the second time.
        """
        text = response.message.content or ""
        _check_ending(response, text)
        try:
            return self._wanted.model_validate_json(_json_of(text))
        except ValidationError as exc:
            problems = "; ".join(f"{_place(error)}: {error['msg']}" for error in exc.errors())
            if not self._may_repair:
                raise _failure(f"no valid {self._wanted.__name__} ({problems})", response) from exc
        self._may_repair = False
        self.messages += [
            response.message,
            ChatMessage(f"This is not valid: {problems}. Answer again, with the JSON object only."),
        ]
        return None

    def partial(self, chunk: ChatResponse) -> Any:
        """The object as far as it was said."""
        said = CompletionResponse(text=_json_of(chunk.message.content or ""))
        found = process_streaming_objects(said, self._wanted, cur_objects=self._shown)
        self._shown = [found]
        return found


def _response_format(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    # Not `strict`: that allows a part of JSON Schema only, and pydantic writes all of it.
    named = {"name": re.sub(r"[^\w-]", "_", name)[:64], "schema": schema}
    return {"type": "json_schema", "json_schema": named}


def _instruction(schema: dict[str, Any]) -> str:
    return (
        "Answer with one JSON object that is valid under this JSON schema, and nothing else:\n"
        f"{json.dumps(schema, ensure_ascii=False)}"
    )


def _json_of(text: str) -> str:
    text = text.strip()
    if not text.startswith("```"):
        return text
    return text.partition("\n")[2].removesuffix("```").strip()


def _place(error: Any) -> str:
    return ".".join(str(step) for step in error["loc"]) or "the answer"


def _check_ending(response: ChatResponse, text: str) -> None:
    raw = response.raw or {}
    if raw.get("refusal"):
        raise _failure("the agent refused", response)
    if raw.get("finish_reason") != "stop":
        reason = raw.get("incomplete_reason") or raw.get("finish_reason")
        raise _failure(f"the answer is not whole ({reason})", response)
    if not text.strip():
        raise _failure("the agent said nothing", response)


def _failure(what: str, response: ChatResponse) -> StructuredOutputError:
    raw, text = response.raw or {}, response.message.content or ""
    ids = {name: raw.get(name) for name in ("thread_id", "run_id", "response_id")}
    return StructuredOutputError(f"{what}, it said {text[:200]!r}", partial_text=text, **ids)


class StructuredAnswers(FunctionCallingLLM):
    """The four ``structured_predict`` methods, and with them ``as_structured_llm``."""

    def __init__(self, **fields: Any) -> None:
        # For type checkers, as in the base class: they would make one up from the fields here.
        super().__init__(**fields)

    @abstractmethod
    def _takes_schema(self) -> bool:
        """Whether calls take a ``response_format``."""

    def structured_predict(
        self,
        output_cls: type[_Model],
        prompt: PromptTemplate,
        llm_kwargs: _Kwargs = None,
        **prompt_args: Any,
    ) -> _Model:
        """Ask for an object of a pydantic class.

        Raises:
            StructuredOutputError: The agent gave none.
        """
        if self.pydantic_program_mode != PydanticProgramMode.DEFAULT:
            made = super().structured_predict(output_cls, prompt, llm_kwargs, **prompt_args)
            return cast("_Model", made)
        _started(output_cls, prompt, prompt_args)
        return _ended(self._ask(self._of_prompt(output_cls, prompt, llm_kwargs, prompt_args)))

    def _ask(self, inquiry: Inquiry[_Model]) -> _Model:
        found = None
        while found is None:
            found = inquiry.read(self.chat(inquiry.messages, **inquiry.options))
        return found

    async def astructured_predict(
        self,
        output_cls: type[_Model],
        prompt: PromptTemplate,
        llm_kwargs: _Kwargs = None,
        **prompt_args: Any,
    ) -> _Model:
        """Ask for an object of a pydantic class.

        Raises:
            StructuredOutputError: The agent gave none.
        """
        if self.pydantic_program_mode != PydanticProgramMode.DEFAULT:
            made = await super().astructured_predict(output_cls, prompt, llm_kwargs, **prompt_args)
            return cast("_Model", made)
        _started(output_cls, prompt, prompt_args)
        return _ended(
            await self._aask(self._of_prompt(output_cls, prompt, llm_kwargs, prompt_args))
        )

    async def _aask(self, inquiry: Inquiry[_Model]) -> _Model:
        found = None
        while found is None:
            found = inquiry.read(await self.achat(inquiry.messages, **inquiry.options))
        return found

    # The base class's streaming methods call these two, and tell of start, progress and end.

    def _structured_stream_call(
        self,
        output_cls: type[_Model],
        prompt: PromptTemplate,
        llm_kwargs: _Kwargs = None,
        **prompt_args: Any,
    ) -> Generator[Any, None, None]:
        if self.pydantic_program_mode != PydanticProgramMode.DEFAULT:
            return super()._structured_stream_call(output_cls, prompt, llm_kwargs, **prompt_args)
        return self._streamed(self._of_prompt(output_cls, prompt, llm_kwargs, prompt_args))

    def _streamed(self, inquiry: Inquiry[_Model]) -> Generator[Any, None, None]:
        last = ChatResponse(message=ChatMessage())
        with closing(self.stream_chat(inquiry.messages, **inquiry.options)) as chunks:
            for last in chunks:
                if last.delta:
                    yield inquiry.partial(last)
        found = inquiry.read(last)
        yield self._ask(inquiry) if found is None else found

    async def _structured_astream_call(
        self,
        output_cls: type[_Model],
        prompt: PromptTemplate,
        llm_kwargs: _Kwargs = None,
        **prompt_args: Any,
    ) -> AsyncGenerator[Any, None]:
        if self.pydantic_program_mode != PydanticProgramMode.DEFAULT:
            return await super()._structured_astream_call(
                output_cls, prompt, llm_kwargs, **prompt_args
            )
        return self._astreamed(self._of_prompt(output_cls, prompt, llm_kwargs, prompt_args))

    async def _astreamed(self, inquiry: Inquiry[_Model]) -> AsyncGenerator[Any, None]:
        last = ChatResponse(message=ChatMessage())
        async with aclosing(await self.astream_chat(inquiry.messages, **inquiry.options)) as chunks:
            async for last in chunks:
                if last.delta:
                    yield inquiry.partial(last)
        found = inquiry.read(last)
        yield await self._aask(inquiry) if found is None else found

    def _of_prompt(
        self,
        output_cls: type[_Model],
        prompt: PromptTemplate,
        llm_kwargs: _Kwargs,
        prompt_args: Mapping[str, Any],
    ) -> Inquiry[_Model]:
        messages = self._extend_messages(prompt.format_messages(llm=self, **prompt_args))
        return self._inquiry(output_cls, messages, llm_kwargs or {})

    def _inquiry(
        self,
        wanted: type[_Model],
        messages: Sequence[ChatMessage],
        options: Mapping[str, Any],
        about: str | None = None,
    ) -> Inquiry[_Model]:
        return Inquiry(wanted, messages, options, takes_schema=self._takes_schema(), about=about)


def _started(wanted: Any, prompt: PromptTemplate, prompt_args: Any) -> None:
    _dispatcher.event(
        LLMStructuredPredictStartEvent(
            output_cls=wanted, template=prompt, template_args=prompt_args
        )
    )


def _ended(found: _Model) -> _Model:
    _dispatcher.event(LLMStructuredPredictEndEvent(output=found))
    return found
