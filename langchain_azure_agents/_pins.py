"""The server thread and the owner of a call, as LangChain's config names them.

`configurable["foundry_thread_id"]` pins; `thread_id` there is LangGraph's own and at most names an
owner. LangChain does not show a model the config that it is called with, so the methods that take
one turn the pin into an argument. As an argument it is also part of the key of LangChain's cache.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any

from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.runnables import RunnableConfig, ensure_config

from azure_agents.settings.headers import with_hidden

THREAD_KEY = "foundry_thread_id"


def _with_pin(config: RunnableConfig | None, kwargs: dict[str, Any]) -> dict[str, Any]:
    kwargs = with_hidden(kwargs)
    if kwargs.get("thread_id") is not None:
        return kwargs
    # Without a config of its own, a call has the one of the chain or graph around it.
    pin = (ensure_config(config).get("configurable") or {}).get(THREAD_KEY)
    return {**kwargs, "thread_id": pin}


def _with_pin_around(kwargs: dict[str, Any]) -> dict[str, Any]:
    # `generate` takes no config: the pin is that of the chain around it, unless it is an argument.
    return with_hidden(kwargs) if "thread_id" in kwargs else _with_pin(None, kwargs)


def graph_thread(run_manager: Any) -> str | None:
    """Find the id of LangGraph's thread, which names an owner of histories and nothing else."""
    metadata = getattr(run_manager, "metadata", None) or {}
    around = ensure_config().get("configurable") or {}
    thread = metadata.get("thread_id") or around.get("thread_id")
    return str(thread) if thread else None


class ReadsPin(BaseChatModel):
    """A chat model whose calls get the pin of their config as the argument `thread_id`.

    `batch` and the like call these methods; a chain or graph around them is read through
    LangChain's context variable.
    """

    def invoke(
        self,
        input: LanguageModelInput,
        config: RunnableConfig | None = None,
        *,
        stop: list[str] | None = None,
        **kwargs: Any,
    ) -> AIMessage:
        """Give the whole answer; `thread_id=` and `owner=` hold for this call.

        Args:
            input: The whole history: a text, messages, or a prompt value.
            config: LangChain's; ``configurable["foundry_thread_id"]`` pins a server thread.
            stop: Texts that end the answer, cut on our side; None: those of the model, if it has
                any.
            kwargs: ``thread_id=`` (pins a server thread), ``owner=``, ``timeout=`` (seconds),
                ``extra_headers=``, ``user_identity=``, and options of the agent, for this call
                only.
        """
        return super().invoke(input, config, stop=stop, **_with_pin(config, kwargs))

    async def ainvoke(
        self,
        input: LanguageModelInput,
        config: RunnableConfig | None = None,
        *,
        stop: list[str] | None = None,
        **kwargs: Any,
    ) -> AIMessage:
        """Give the whole answer, on an event loop.

        Args:
            input: The whole history, as `invoke` takes it.
            config: LangChain's config, which may pin a server thread.
            stop: Texts that end the answer, as `invoke` takes them.
            kwargs: Settings and options of this call, as for `invoke`.
        """
        return await super().ainvoke(input, config, stop=stop, **_with_pin(config, kwargs))

    def stream(
        self,
        input: LanguageModelInput,
        config: RunnableConfig | None = None,
        *,
        stop: list[str] | None = None,
        **kwargs: Any,
    ) -> Iterator[AIMessageChunk]:
        """Give the answer piece by piece.

        Args:
            input: The whole history, as `invoke` takes it.
            config: LangChain's config, which may pin a server thread.
            stop: Texts that end the answer, as `invoke` takes them.
            kwargs: Settings and options of this call, as for `invoke`.
        """
        return super().stream(input, config, stop=stop, **_with_pin(config, kwargs))

    def astream(
        self,
        input: LanguageModelInput,
        config: RunnableConfig | None = None,
        *,
        stop: list[str] | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[AIMessageChunk]:
        """Give the answer piece by piece, on an event loop.

        Args:
            input: The whole history, as `invoke` takes it.
            config: LangChain's config, which may pin a server thread.
            stop: Texts that end the answer, as `invoke` takes them.
            kwargs: Settings and options of this call, as for `invoke`.
        """
        return super().astream(input, config, stop=stop, **_with_pin(config, kwargs))

    if not TYPE_CHECKING:  # callers shall see the overloads of the base class

        def bind(self, **kwargs: Any) -> Any:
            """Keep arguments for all calls; headers and identity among them are not shown.

            Args:
                kwargs: Arguments of `invoke`, such as ``stop=`` or ``thread_id=``.
            """
            return super().bind(**with_hidden(kwargs))

        def generate(self, messages: Any, *args: Any, **kwargs: Any) -> Any:
            """Answer several conversations; see `BaseChatModel.generate`.

            Args:
                messages: The histories, each a list of messages.
                args: ``stop`` and ``callbacks``, by position.
                kwargs: Those by name, tags and metadata of LangChain's, and arguments of `invoke`.
            """
            return super().generate(messages, *args, **_with_pin_around(kwargs))

        async def agenerate(self, messages: Any, *args: Any, **kwargs: Any) -> Any:
            """Answer several conversations; see `BaseChatModel.agenerate`.

            Args:
                messages: As for `generate`.
                args: As for `generate`.
                kwargs: As for `generate`.
            """
            return await super().agenerate(messages, *args, **_with_pin_around(kwargs))

        def stream_events(self, input: Any, config: Any = None, **kwargs: Any) -> Any:
            """Stream events; see `BaseChatModel.stream_events`.

            Args:
                input: The whole history: a text, messages, or a prompt value.
                config: LangChain's; ``configurable["foundry_thread_id"]`` pins a server thread.
                kwargs: ``version=``, filters of events, and arguments of `stream`.
            """
            return super().stream_events(input, config, **_with_pin(config, kwargs))

        def astream_events(self, input: Any, config: Any = None, **kwargs: Any) -> Any:
            """Stream events; see `BaseChatModel.astream_events`.

            Args:
                input: As for `stream_events`.
                config: As for `stream_events`.
                kwargs: As for `stream_events`.
            """
            return super().astream_events(input, config, **_with_pin(config, kwargs))
