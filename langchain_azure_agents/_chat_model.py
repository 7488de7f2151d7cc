"""`ChatAzureAgent`: an agent in Foundry as a LangChain chat model.

The model maps, the core acts: histories onto server threads, retries, timeouts, cancellation and
`stop` are the core's. Every loop over a stream closes it at once when the caller stops, since that
is what cancels the run on the server.

A pinned thread comes as an argument of the call (or of `bind`), from LangChain's config (see
`_pins`), or from the constructor, in this order.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing, closing
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable

from azure_agents import AsyncFileHandle, FileHandle, TurnRequest
from azure_agents.content.stop import stop_texts
from azure_agents.frameworks.described_fields import with_fields

from ._answers import to_message
from ._chunks import Chunker
from ._errors import translated
from ._files import references_of
from ._llm_output import TellsOutput
from ._messages import to_messages
from ._pins import ReadsPin, graph_thread
from ._settings import AgentSettings
from ._structured import structured
from ._tokens import MessageTokens, estimate_text
from ._tool_events import TellsTools
from ._tools import Tool, choice_of, declarations


@with_fields(beyond=BaseChatModel)
class ChatAzureAgent(ReadsPin, TellsTools, TellsOutput, AgentSettings):
    """An agent of Microsoft Foundry, of either generation, as a chat model.

    Example:
        ```python
        from azure.identity import DefaultAzureCredential
        from langchain_azure_agents import ChatAzureAgent

        llm = ChatAzureAgent(
            model="my-agent:1",  # or "my-agent", or a classic agent: "asst_abc123"
            endpoint="https://<resource>.services.ai.azure.com/api/projects/<project>",
            credential=DefaultAzureCredential(),
        )
        answer = llm.invoke("hi")
        llm.invoke("and?", thread_id=answer.response_metadata["thread_id"])
        ```

    `content` of an answer is its text; `content_blocks` is everything (citations, reasoning,
    server tools, images, requests for approval). With `output_version="v1"` the two are one.

    Every call, and `bind`, also takes `thread_id=`, `owner=`, `stop=`, `timeout=` (seconds),
    `extra_headers=`, `user_identity=`, `image_generation_deployment=`, `agent_session_id=` and
    options of the agent such as `max_tokens=`, `response_format=` or `include=`; an error names an
    option that the agent refuses. Metadata of a response are `model_kwargs={"metadata": {…}}`,
    since LangChain keeps the word `metadata` for its own.

    Copies share credential, transports and thread store with the original; a pickled model leaves
    them and all secrets behind and finds its credential in the environment.

    Besides the fields below it takes what every LangChain chat model does (`cache`, `callbacks`,
    `tags`, `metadata`, `rate_limiter` …). Any other name is an option of the calls.
    """

    # Tools and objects

    def bind_tools(
        self,
        tools: Sequence[Tool],
        *,
        tool_choice: str | dict[str, Any] | bool | None = None,
        strict: bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Give the agent function tools; nothing is sent yet.

        A classic run gets them besides the agent's own. A v2 agent declares its tools itself: the
        first call checks that these are among them.

        Args:
            tools: Functions, pydantic classes, LangChain tools, or OpenAI's dictionaries.
            tool_choice: ``auto``, ``any``, ``none``, or the name of a tool.
            strict: Whether arguments must keep to the schema (classic).
            kwargs: More options of the calls, for instance ``parallel_tool_calls``.

        Raises:
            InvalidRequestError: `tool_choice` names no bound tool.
        """
        declared = declarations(tools, strict=strict)
        choice = choice_of(tool_choice, declared)
        options = kwargs if choice is None else {**kwargs, "tool_choice": choice}
        return self.bind(tools=declared, **options)

    def with_structured_output(
        self,
        schema: dict[str, Any] | type,
        *,
        method: str = "json_schema",
        include_raw: bool = False,
        strict: bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, Any]:
        """Answer with objects instead of messages.

        Args:
            schema: A pydantic class, a TypedDict, a JSON schema or a function schema.
            method: ``json_schema``, ``function_calling`` (the same here), or ``json_mode``, where
                the messages of the caller describe the object.
            include_raw: Give a dictionary of ``raw``, ``parsed`` and ``parsing_error``.
            strict: Whether the service shall enforce the schema to the letter (classic).
            kwargs: More options of the calls.

        Raises:
            ConfigError: The method is unknown.
            ValueError: The schema is none.
        """
        return structured(
            self, schema, method=method, strict=strict, include_raw=include_raw, options=kwargs
        )

    # Token counts

    def get_num_tokens(self, text: str) -> int:
        """Estimate the tokens of a text (exact with `custom_get_token_ids`).

        Args:
            text: The text whose tokens are counted.
        """
        if self.custom_get_token_ids is not None:
            return super().get_num_tokens(text)
        return estimate_text(text)

    def get_num_tokens_from_messages(
        self,
        messages: list[BaseMessage],
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | Any] | None = None,
    ) -> int:
        """Estimate the tokens of messages and tools.

        Args:
            messages: The history.
            tools: Function tools that are offered with it, in any form that `bind_tools` takes.
        """
        return MessageTokens(self.get_num_tokens).total(messages, tools)

    # Turns

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        with translated():
            request = self._request(messages, stop, run_manager, kwargs)
            completion = self.client.complete(request)
        return self._result(completion)

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        with translated():
            request = self._request(messages, stop, run_manager, kwargs)
            completion = await self.async_client.complete(request)
        return self._result(completion)

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        chunker = self._chunker(kwargs)
        with translated():
            request = self._request(messages, stop, run_manager, kwargs)
            with closing(self.client.stream(request)) as events:
                for event in events:
                    if (message := chunker.chunk(event)) is None:
                        continue
                    chunk = ChatGenerationChunk(message=message)
                    if run_manager is not None:
                        run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                    yield chunk

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        chunker = self._chunker(kwargs)
        with translated():
            request = self._request(messages, stop, run_manager, kwargs)
            async with aclosing(self.async_client.stream(request)) as events:
                async for event in events:
                    if (message := chunker.chunk(event)) is None:
                        continue
                    chunk = ChatGenerationChunk(message=message)
                    if run_manager is not None:
                        await run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                    yield chunk

    def _request(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None,
        run_manager: CallbackManagerForLLMRun | AsyncCallbackManagerForLLMRun | None,
        kwargs: dict[str, Any],
    ) -> TurnRequest:
        return TurnRequest(
            messages=to_messages(messages),
            thread_id=kwargs.get("thread_id"),
            owner=self._owner(kwargs, run_manager),
            stop=stop_texts(self.stop if stop is None else stop),
            options=self._options(kwargs),
        )

    def _owner(self, kwargs: Mapping[str, Any], run_manager: Any) -> str | None:
        # An empty owner is an error of the core; it does not mean that there is none.
        given = kwargs.get("owner")
        own = self.owner if given is None else given
        return graph_thread(run_manager) if own is None else own

    def _chunker(self, kwargs: Mapping[str, Any]) -> Chunker:
        announces = bool(self._options(kwargs).get("background"))
        return Chunker(agent=self._agent, v1=self.output_version == "v1", announces=announces)

    def _result(self, completion: Any) -> ChatResult:
        message = to_message(completion, agent=self._agent, v1=self.output_version == "v1")
        return ChatResult(generations=[ChatGeneration(message=message)])

    # Beside the turns

    def files_of(self, message: AIMessage) -> list[FileHandle]:
        """Give handles on the images and files that an answer brought along; nothing is loaded yet.

        A handle has `.bytes()` and `.save(path)`. The answer may come from a history or a
        checkpoint.

        Args:
            message: The answer.
        """
        return [self.client.files.handle(one) for one in references_of(message)]

    def async_files_of(self, message: AIMessage) -> list[AsyncFileHandle]:
        """Give handles on the images and files of an answer, whose methods are awaited.

        Args:
            message: As for `files_of`.
        """
        return [self.async_client.files.handle(one) for one in references_of(message)]

    def declare_tools(self, tools: Sequence[Tool]) -> str:
        """Make a version of the v2 agent that declares these function tools, and return its number.

        The new version answers for a `model` without one (``my-agent``), and for one that names it.
        A classic agent takes tools with every call: nothing is done there, and the version is "".

        Args:
            tools: Functions, pydantic classes, LangChain tools, or OpenAI's dictionaries. The
                agent's other tools stay; one of the same name is replaced.
        """
        with translated():
            return self.client.declare_tools(declarations(tools, strict=None))

    async def adeclare_tools(self, tools: Sequence[Tool]) -> str:
        """Make a version of the v2 agent that declares these function tools; as `declare_tools`.

        Args:
            tools: As for `declare_tools`.
        """
        with translated():
            return await self.async_client.declare_tools(declarations(tools, strict=None))

    def resume(self, response_id: str) -> Iterator[AIMessageChunk]:
        """Stream a background answer (v2) that anybody began; its chunks add up to the message.

        It comes from its beginning; ``client.resume(…, starting_after=…)`` gives a rest.

        Args:
            response_id: ``resp_…`` of the response, from the `response_metadata` of its first
                chunk.
        """
        chunker = self._chunker({})
        with translated(), closing(self.client.resume(response_id)) as events:
            yield from filter(None, map(chunker.chunk, events))

    async def aresume(self, response_id: str) -> AsyncIterator[AIMessageChunk]:
        """Stream a background answer (v2) that anybody began; as `resume`.

        Args:
            response_id: As for `resume`.
        """
        chunker = self._chunker({})
        with translated():
            async with aclosing(self.async_client.resume(response_id)) as events:
                async for event in events:
                    if (chunk := chunker.chunk(event)) is not None:
                        yield chunk
