"""Tools that ran on the server, as tool runs of LangChain: for tracers and event streams.

LangChain gives a model's `_stream` no callbacks, and a callback does not know the others. So the
callbacks of a call are settled before it begins, and one of ours is put before them. It sees each
chunk and the whole answer first, and tells all others of each server-side call (`on_tool_start`)
and of its result (`on_tool_end`), as children of the model's run. It must be the first: a tracer
takes no child for a run that has ended.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar, cast

from langchain_core.callbacks import (
    AsyncCallbackHandler,
    AsyncCallbackManager,
    BaseCallbackHandler,
    BaseCallbackManager,
    CallbackManager,
    Callbacks,
)
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.runnables import RunnableConfig, ensure_config
from langchain_core.tools import ToolException
from pydantic import Field

from azure_agents.jsonio import dumps

from ._asks import all_blocks
from ._llm_output import was_cached

if TYPE_CHECKING:
    from uuid import UUID

    from langchain_core.callbacks import AsyncCallbackManagerForToolRun, CallbackManagerForToolRun
    from langchain_core.language_models import LanguageModelInput
    from langchain_core.messages import AIMessageChunk, BaseMessage

_Block: TypeAlias = Mapping[str, Any]
_Manager = TypeVar("_Manager", CallbackManager, AsyncCallbackManager)
_Run = TypeVar("_Run", "CallbackManagerForToolRun", "AsyncCallbackManagerForToolRun")


class TellsTools(BaseChatModel):
    """A chat model that tells callbacks of tools that ran on the server, where it is asked to."""

    server_tool_events: bool = Field(
        default=False,
        description=(
            "Tell callbacks and tracers of each tool that ran on the server, as of any other tool "
            "(`on_tool_start`, `on_tool_end`); default: only the blocks of the answer tell of it."
        ),
    )

    if not TYPE_CHECKING:  # callers shall see the overloads of the base class

        def generate(
            self, messages: Any, stop: Any = None, callbacks: Any = None, **kw: Any
        ) -> Any:
            """Answer several conversations; see `BaseChatModel.generate`.

            Args:
                messages: The histories, each a list of messages.
                stop: Texts that end an answer.
                callbacks: LangChain's.
                kw: Tags and metadata of LangChain's, and arguments of `invoke`.
            """
            return super().generate(messages, stop, self._heard(callbacks, CallbackManager), **kw)

        async def agenerate(
            self, messages: Any, stop: Any = None, callbacks: Any = None, **kw: Any
        ) -> Any:
            """Answer several conversations; see `BaseChatModel.agenerate`.

            Args:
                messages: As for `generate`.
                stop: As for `generate`.
                callbacks: As for `generate`.
                kw: As for `generate`.
            """
            heard = self._heard(callbacks, AsyncCallbackManager)
            return await super().agenerate(messages, stop, heard, **kw)

        def stream_events(self, input: Any, config: Any = None, **kwargs: Any) -> Any:
            """Stream events; see `BaseChatModel.stream_events`.

            Args:
                input: The whole history.
                config: LangChain's.
                kwargs: ``version=``, filters of events, and arguments of `stream`.
            """
            return super().stream_events(
                input, self._with_events(config, CallbackManager), **kwargs
            )

        def astream_events(self, input: Any, config: Any = None, **kwargs: Any) -> Any:
            """Stream events; see `BaseChatModel.astream_events`.

            Args:
                input: As for `stream_events`.
                config: As for `stream_events`.
                kwargs: As for `stream_events`.
            """
            if kwargs.get("version") == "v3":  # the older ones go through `astream`
                config = self._with_events(config, AsyncCallbackManager)
            return super().astream_events(input, config, **kwargs)

    def stream(
        self, input: LanguageModelInput, config: RunnableConfig | None = None, **kwargs: Any
    ) -> Iterator[AIMessageChunk]:
        """Give the answer piece by piece.

        Args:
            input: The whole history.
            config: LangChain's.
            kwargs: Arguments of the call.
        """
        return super().stream(input, self._with_events(config, CallbackManager), **kwargs)

    def astream(
        self, input: LanguageModelInput, config: RunnableConfig | None = None, **kwargs: Any
    ) -> AsyncIterator[AIMessageChunk]:
        """Give the answer piece by piece, on an event loop.

        Args:
            input: The whole history.
            config: LangChain's.
            kwargs: Arguments of the call.
        """
        return super().astream(input, self._with_events(config, AsyncCallbackManager), **kwargs)

    def _with_events(
        self, config: RunnableConfig | None, kind: type[_Manager]
    ) -> RunnableConfig | None:
        if not self.server_tool_events:
            return config
        settled = ensure_config(config)
        return {**settled, "callbacks": self._heard(settled.get("callbacks"), kind)}

    def _heard(self, callbacks: Any, kind: type[_Manager]) -> Any:
        if not self.server_tool_events:
            return callbacks
        manager = kind.configure(cast("Callbacks", callbacks), self.callbacks, self.verbose)
        others = list(manager.handlers)
        if others and not any(isinstance(one, _Told) for one in others):
            first: Any = _SyncTeller(manager) if kind is CallbackManager else _AsyncTeller(manager)
            manager.handlers.insert(0, first)
            manager.inheritable_handlers.insert(0, first)
        return manager


@dataclass
class _Calls(Generic[_Run]):
    """The server-side calls of one answer that have begun and not ended."""

    is_streamed: bool = False
    open: dict[str, _Run] = field(default_factory=dict)


class _Told(Generic[_Run]):
    """What both callbacks know: whom to tell, and what has begun. Each answer has its own run."""

    run_inline = True  # before the others, also on an event loop

    def __init__(self, manager: BaseCallbackManager) -> None:
        self._others = list(manager.handlers)
        # What graphs and tracers know of the place where this happens.
        self._notes: dict[str, Any] = {
            "tags": list(manager.tags),
            "metadata": dict(manager.metadata),
        }
        self._answers: dict[UUID, _Calls[_Run]] = {}

    def _calls(self, run_id: UUID) -> _Calls[_Run]:
        return self._answers.setdefault(run_id, _Calls())

    def _streamed(self, chunk: Any, run_id: UUID) -> list[_Block]:
        blocks = _server_blocks(getattr(chunk, "message", None))
        self._calls(run_id).is_streamed |= bool(blocks)
        return blocks

    def _left(self, response: Any, run_id: UUID) -> list[_Block]:
        message = response.generations[0][0].message
        is_told = self._calls(run_id).is_streamed or was_cached(message)
        return [] if is_told else _server_blocks(message)

    def _closed(self, run_id: UUID) -> list[_Run]:
        calls = self._answers.pop(run_id, None)
        return list(calls.open.values()) if calls else []


class _SyncTeller(_Told["CallbackManagerForToolRun"], BaseCallbackHandler):
    def on_llm_new_token(
        self,
        token: Any,  # noqa: ARG002
        *,
        chunk: Any = None,
        run_id: UUID,
        **kwargs: Any,  # noqa: ARG002
    ) -> None:
        self._tell(self._streamed(chunk, run_id), run_id)

    def on_llm_end(self, response: Any, *, run_id: UUID, **kwargs: Any) -> None:  # noqa: ARG002
        self._tell(self._left(response, run_id), run_id)
        for run in self._closed(run_id):
            run.on_tool_end(None)

    def on_llm_error(
        self,
        error: BaseException,
        *,
        run_id: UUID,
        **kwargs: Any,  # noqa: ARG002
    ) -> None:
        for run in self._closed(run_id):
            run.on_tool_error(error)

    def _tell(self, blocks: list[_Block], run_id: UUID) -> None:
        open_ = self._calls(run_id).open
        for block in blocks:
            id = _id_of(block)
            if (run := open_.pop(id, None)) is None or _is_call(block):
                if run is not None:
                    run.on_tool_end(None)
                manager = CallbackManager(self._others, parent_run_id=run_id, **self._notes)
                run = manager.on_tool_start(**_start_of(block))
            if _is_call(block):
                open_[id] = run
            elif block.get("status") == "error":
                run.on_tool_error(_failure(block))
            else:
                run.on_tool_end(_output(block))


class _AsyncTeller(_Told["AsyncCallbackManagerForToolRun"], AsyncCallbackHandler):
    async def on_llm_new_token(
        self,
        token: Any,  # noqa: ARG002
        *,
        chunk: Any = None,
        run_id: UUID,
        **kwargs: Any,  # noqa: ARG002
    ) -> None:
        await self._tell(self._streamed(chunk, run_id), run_id)

    async def on_llm_end(
        self,
        response: Any,
        *,
        run_id: UUID,
        **kwargs: Any,  # noqa: ARG002
    ) -> None:
        await self._tell(self._left(response, run_id), run_id)
        for run in self._closed(run_id):
            await run.on_tool_end(None)

    async def on_llm_error(
        self,
        error: BaseException,
        *,
        run_id: UUID,
        **kwargs: Any,  # noqa: ARG002
    ) -> None:
        for run in self._closed(run_id):
            await run.on_tool_error(error)

    async def _tell(self, blocks: list[_Block], run_id: UUID) -> None:
        open_ = self._calls(run_id).open
        for block in blocks:
            id = _id_of(block)
            if (run := open_.pop(id, None)) is None or _is_call(block):
                if run is not None:
                    await run.on_tool_end(None)
                manager = AsyncCallbackManager(self._others, parent_run_id=run_id, **self._notes)
                run = await manager.on_tool_start(**_start_of(block))
            if _is_call(block):
                open_[id] = run
            elif block.get("status") == "error":
                await run.on_tool_error(_failure(block))
            else:
                await run.on_tool_end(_output(block))


def _server_blocks(message: BaseMessage | None) -> list[_Block]:
    kinds = ("server_tool_call", "server_tool_result")
    found = all_blocks(message) if isinstance(message, AIMessage) else []
    return [block for block in found if block.get("type") in kinds]


def _is_call(block: _Block) -> bool:
    return block.get("type") == "server_tool_call"


def _id_of(block: _Block) -> str:
    return str(block.get("id" if _is_call(block) else "tool_call_id") or "")


def _start_of(block: _Block) -> dict[str, Any]:
    args = block.get("args") if _is_call(block) else None
    name = _name_of(block)
    return {
        "serialized": {"name": name, "description": "ran on the server"},
        "input_str": _text(args or {}),
        "inputs": args if isinstance(args, dict) else {},
        "name": name,
        "tool_call_id": _id_of(block) or None,
    }


def _name_of(block: _Block) -> str:
    # A tool of an MCP server by its own name; a result that comes alone knows its kind only.
    extras = block.get("extras")
    facts = extras if isinstance(extras, Mapping) else {}
    return str(facts.get("tool_name") or block.get("name") or facts.get("name") or "server_tool")


def _output(block: _Block) -> ToolMessage:
    return ToolMessage(_text(block.get("output")), name=_name_of(block), tool_call_id=_id_of(block))


def _failure(block: _Block) -> ToolException:
    said = _text(block.get("output"))
    return ToolException(
        f"the tool {_name_of(block)!r} failed on the server{f': {said}' if said else ''}"
    )


def _text(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return dumps(value).decode()
