"""Objects as answers, by LlamaIndex's methods; the rules are in `azure_agents.content.structured`.

LlamaIndex's own way - one function tool with the schema, forced - does not fit an agent whose
tools are declared on the server. A classic run takes the schema; a v2 agent answers under its own
schema if it declares one, else a system message gives it the wanted one. Words and check are those
of ``response_format`` on a call, and the module says why both exist.

Another `pydantic_program_mode` than the default goes LlamaIndex's way.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from contextlib import aclosing, closing
from typing import Any, Generic, TypeAlias, TypeVar, cast

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
from llama_index.core.prompts import PromptTemplate
from llama_index.core.types import PydanticProgramMode
from llama_index_instrumentation import get_dispatcher
from pydantic import BaseModel

from azure_agents import errors
from azure_agents.content.structured import Answer, Inquiry, instruction, json_of, response_format
from azure_agents.frameworks.clients import HoldsClients

from ._errors import as_value_error

_Model = TypeVar("_Model", bound=BaseModel)
_Kwargs: TypeAlias = dict[str, Any] | None
_dispatcher = get_dispatcher(__name__)

# LlamaIndex's programs take these out as well: they belong to its way.
_TOOL_OPTIONS = ("tool_required", "tool_choice", "allow_parallel_tool_calls")


class Question(Generic[_Model]):
    """A request for one object, over one or two turns.

    Args:
        wanted: Class of the object.
        messages: The messages of the caller.
        options: Options of the calls, from the caller.
        about: A description of the object; None: that of its class.

    Attributes:
        messages: The messages to send next.
        options: The options to send them with.
    """

    def __init__(
        self,
        wanted: type[_Model],
        messages: Sequence[ChatMessage],
        options: Mapping[str, Any],
        about: str | None = None,
    ) -> None:
        self._wanted = wanted
        self._about = about
        self._shown: Any = None
        self._inquiry = Inquiry(wanted.model_validate_json)
        self.messages = list(messages)
        self.options = {k: v for k, v in options.items() if k not in _TOOL_OPTIONS}

    def enforce(self) -> None:
        """Let the service enforce the schema."""
        self.options["response_format"] = response_format(self._wanted.__name__, self._schema())

    def describe(self, agents_own: object) -> None:
        """Give the agent the schema in a system message, unless its definition has one.

        Args:
            agents_own: The schema of the definition; None if there is none.
        """
        if agents_own is None:
            self.messages.append(ChatMessage(instruction(self._schema()), role=MessageRole.SYSTEM))
        else:
            self._inquiry = Inquiry(self._wanted.model_validate_json, is_agents_schema=True)

    def _schema(self) -> dict[str, Any]:
        schema = self._wanted.model_json_schema()
        return {**schema, "description": self._about} if self._about else schema

    def read(self, response: ChatResponse) -> _Model | None:
        """Read the object of an answer; after None, `messages` ask for a better one.

        Raises:
            StructuredOutputError: Refused, truncated, or wrong for the second time.
        """
        raw = response.raw or {}
        answer = Answer.of(response.message.content or "", raw.get("refusal") or "", raw)
        try:
            found = self._inquiry.read(answer)
        except errors.StructuredOutputError as error:
            raise as_value_error(error) from error
        if found is None:
            self.messages += [response.message, ChatMessage(self._inquiry.repair)]
        return found

    def partial(self, chunk: ChatResponse) -> Any:
        """Read the object as far as it has come."""
        so_far = CompletionResponse(text=json_of(chunk.message.content or ""))
        found = process_streaming_objects(so_far, self._wanted, cur_objects=self._shown)
        self._shown = [found]
        return found


class StructuredAnswers(HoldsClients, FunctionCallingLLM):
    """An LLM that answers with objects: ``structured_predict`` and ``as_structured_llm``."""

    def __init__(self, **fields: Any) -> None:
        # For type checkers, as in the base class: they would make one up from the fields here.
        super().__init__(**fields)

    def structured_predict(
        self,
        output_cls: type[_Model],
        prompt: PromptTemplate,
        llm_kwargs: _Kwargs = None,
        **prompt_args: Any,
    ) -> _Model:
        """Ask for an object of a pydantic class.

        Args:
            output_cls: The pydantic class.
            prompt: The template of the question.
            llm_kwargs: More arguments of `chat` for this call.
            prompt_args: Values for the template's variables.

        Raises:
            StructuredOutputError: The agent gave no such object.
        """
        if self.pydantic_program_mode != PydanticProgramMode.DEFAULT:
            made = super().structured_predict(output_cls, prompt, llm_kwargs, **prompt_args)
            return cast("_Model", made)
        _report_start(output_cls, prompt, prompt_args)
        found = self._ask(self._question(output_cls, prompt, llm_kwargs, prompt_args))
        return _report_end(found)

    async def astructured_predict(
        self,
        output_cls: type[_Model],
        prompt: PromptTemplate,
        llm_kwargs: _Kwargs = None,
        **prompt_args: Any,
    ) -> _Model:
        """Ask for an object of a pydantic class; as `structured_predict`.

        Args:
            output_cls: As for `structured_predict`.
            prompt: As for `structured_predict`.
            llm_kwargs: As for `structured_predict`.
            prompt_args: As for `structured_predict`.
        """
        if self.pydantic_program_mode != PydanticProgramMode.DEFAULT:
            made = await super().astructured_predict(output_cls, prompt, llm_kwargs, **prompt_args)
            return cast("_Model", made)
        _report_start(output_cls, prompt, prompt_args)
        found = await self._aask(self._question(output_cls, prompt, llm_kwargs, prompt_args))
        return _report_end(found)

    # The base class's streaming methods call these two, and report start, progress and end.

    def _structured_stream_call(
        self,
        output_cls: type[_Model],
        prompt: PromptTemplate,
        llm_kwargs: _Kwargs = None,
        **prompt_args: Any,
    ) -> Generator[Any, None, None]:
        if self.pydantic_program_mode != PydanticProgramMode.DEFAULT:
            return super()._structured_stream_call(output_cls, prompt, llm_kwargs, **prompt_args)
        return self._streamed(self._question(output_cls, prompt, llm_kwargs, prompt_args))

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
        return self._astreamed(self._question(output_cls, prompt, llm_kwargs, prompt_args))

    def _question(
        self,
        output_cls: type[_Model],
        prompt: PromptTemplate,
        llm_kwargs: _Kwargs,
        prompt_args: Mapping[str, Any],
    ) -> Question[_Model]:
        messages = self._extend_messages(prompt.format_messages(llm=self, **prompt_args))
        return Question(output_cls, messages, llm_kwargs or {})

    # -- asking --------------------------------------------------------------------------------

    def _prepare(self, question: Question[Any]) -> None:
        if self._takes_schema:
            question.enforce()
        else:
            question.describe(self.client.answer_schema())

    async def _aprepare(self, question: Question[Any]) -> None:
        if self._takes_schema:
            question.enforce()
        else:
            question.describe(await self.async_client.answer_schema())

    def _ask(self, question: Question[_Model]) -> _Model:
        self._prepare(question)
        return self._ask_until_found(question)

    def _ask_until_found(self, question: Question[_Model]) -> _Model:
        found = None
        while found is None:
            found = question.read(self.chat(question.messages, **question.options))
        return found

    async def _aask(self, question: Question[_Model]) -> _Model:
        await self._aprepare(question)
        return await self._aask_until_found(question)

    async def _aask_until_found(self, question: Question[_Model]) -> _Model:
        found = None
        while found is None:
            found = question.read(await self.achat(question.messages, **question.options))
        return found

    def _streamed(self, question: Question[_Model]) -> Generator[Any, None, None]:
        self._prepare(question)
        last = ChatResponse(message=ChatMessage())
        with closing(self.stream_chat(question.messages, **question.options)) as chunks:
            for last in chunks:
                if last.delta:
                    yield question.partial(last)
        found = question.read(last)
        yield self._ask_until_found(question) if found is None else found

    async def _astreamed(self, question: Question[_Model]) -> AsyncGenerator[Any, None]:
        await self._aprepare(question)
        last = ChatResponse(message=ChatMessage())
        stream = await self.astream_chat(question.messages, **question.options)
        async with aclosing(stream) as chunks:
            async for last in chunks:
                if last.delta:
                    yield question.partial(last)
        found = question.read(last)
        yield await self._aask_until_found(question) if found is None else found


def _report_start(wanted: Any, prompt: PromptTemplate, prompt_args: Any) -> None:
    _dispatcher.event(
        LLMStructuredPredictStartEvent(
            output_cls=wanted, template=prompt, template_args=prompt_args
        )
    )


def _report_end(found: _Model) -> _Model:
    _dispatcher.event(LLMStructuredPredictEndEvent(output=found))
    return found
