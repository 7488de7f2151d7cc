"""`Router`: one model of several deployments."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from functools import partial
from typing import Any, Unpack

from ..completions.api import Messages, acompletion, completion
from .batch_files import is_batch
from .calls import RoutedCall, amounts_of, headers_of
from .counts import Ticket
from .engine import Engine
from .flow import Attempt
from .functions import NAMES, Rewinding, function_of, named_arguments, operation_of
from .listing import Pages, listing
from .lists import LISTS
from .settings import RouterArguments
from .streams import AsyncRoutedStream, Meter, RoutedStream


class Router:
    """Answers calls with whichever deployment of a model may be asked, is healthy and least used.

    It can be used from any number of threads and event loops. Beside `completion` it has a method
    for each operation (`embedding`, `responses`, `speech`, `create_file`, …) and its twin
    (`aembedding`, …), with the arguments of the function of that name.

    Args:
        model_list: The deployments, in LiteLLM's form: ``model_name`` (what callers ask for, may be
            the same in several entries), ``litellm_params`` (``model``, ``api_base``, ``api_key``,
            …) and limits (``rpm``, ``tpm``, ``itpm``, ``otpm``, ``rpd``, ``tpd``), which are kept.
        arguments: More, by LiteLLM's names:

            - counts of several processes: `redis_url`, or `redis_host`, `redis_port`,
              `redis_password`, `redis_username`; `redis_prefix` (of the keys);
            - what is asked instead: `fallbacks` (``[{"gpt-4o": ["gpt-4o-mini"]}]``),
              `default_fallbacks`, `context_window_fallbacks`, `content_policy_fallbacks`,
              `max_fallbacks` (default 5), `model_group_alias`;
            - failures: `num_retries` (how often what failed in a call is asked again when nothing
              else is left, default 2), `cooldown_time` (seconds that a deployment is put aside
              where the service does not say, default 5), `allowed_fails` (a minute, default 0),
              `disable_cooldowns`;
            - how long: `timeout` (seconds of an attempt, default 600), `stream_timeout` (until the
              first content of a stream);
            - of all entries: `default_litellm_params`, `default_max_parallel_requests`;
            - in tests: `clock`.

    Raises:
        ConfigError: An argument or an entry is unknown or wrong; nothing has been sent.
    """

    def __init__(
        self, model_list: Iterable[Mapping[str, Any]], **arguments: Unpack[RouterArguments]
    ) -> None:
        self._engine = Engine(model_list, arguments)

    @property
    def model_names(self) -> tuple[str, ...]:
        """What callers may ask for, without names that hold a ``*``."""
        return self._engine.book.names

    def completion(
        self, model: str, messages: Messages, *, stream: bool | None = None, **arguments: Any
    ) -> Any:
        """Ask a deployment of a model, in OpenAI's format.

        Args:
            model: A ``model_name`` of the list.
            messages: As for `azure_agents.completion`.
            stream: Answer piece by piece.
            arguments: As for `azure_agents.completion`, but for where and with which credential a
                deployment is asked. `timeout` limits the whole call, in seconds; `fallbacks` and
                `num_retries` stand for the router's.

        Returns:
            As `azure_agents.completion`; ``_hidden_params["model_id"]`` names the deployment.

        Raises:
            RateLimitError: All deployments are at their limits or said so; ``retry_after`` tells
                when the first may be asked again.
            AzureAgentsError: The error of the last deployment that was asked.
        """
        given = {"messages": messages, "stream": stream, **arguments}
        return self._ask("chat", completion, model, given)

    async def acompletion(
        self, model: str, messages: Messages, *, stream: bool | None = None, **arguments: Any
    ) -> Any:
        """Do as `completion` does, on an event loop; a stream is an async iterator of chunks.

        Args:
            model: As for `completion`.
            messages: As for `completion`.
            stream: As for `completion`.
            arguments: As for `completion`.
        """
        given = {"messages": messages, "stream": stream, **arguments}
        return await self._aask("chat", acompletion, model, given)

    def status(self) -> dict[str, Any]:
        """Tell how the deployments are, as this process sees them.

        Returns:
            ``deployments``, each with ``id``, ``model_name``, ``model``, ``counted`` (by the name
            of the limit), ``running``, ``busy_for`` and ``failed_for`` (seconds) and
            ``last_error``; and ``redis``: None, or ``is_up`` and the number of ``outages``.
        """
        return self._engine.status()

    def close(self) -> None:
        """Close the connections to Redis; the router can still be used."""
        self._engine.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {', '.join(self.model_names) or 'nothing'}>"

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError("a router holds credentials and is not pickled: make it where it is needed")

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """The method of an operation: `embedding`, `responses`, `create_file`, …, and its twin."""
        found = operation_of(name)
        if found is None:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        operation, is_async = found
        function = function_of(operation, is_async=is_async)
        ask = self._aask if is_async else self._ask

        def method(*args: Any, **given: Any) -> Any:
            arguments = named_arguments(function, args, given)
            return ask(operation, function, arguments.pop("model", None), arguments)

        method.__name__, method.__doc__ = name, function.__doc__
        return method

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *NAMES, *(f"a{name}" for name in NAMES)})

    # --- how a call is made ---------------------------------------------------------------------

    def _ask(
        self, operation: str, function: Callable[..., Any], model: object, given: Mapping[str, Any]
    ) -> Any:
        pages = self._pages(operation, model, given)
        if pages is not None:
            return self._listed(pages)
        if is_batch(operation, given):
            with ExitStack() as kept:
                call = self._engine.read_batch(model, given, kept)
                return self._carry(call, function)
        call = self._engine.read(operation, model, given)
        return self._carry(call, function, streams=bool(given.get("stream")))

    async def _aask(
        self, operation: str, function: Callable[..., Any], model: object, given: Mapping[str, Any]
    ) -> Any:
        pages = self._pages(operation, model, given)
        if pages is not None:
            return await self._alisted(pages)
        if is_batch(operation, given):
            with ExitStack() as kept:
                call = await asyncio.to_thread(self._engine.read_batch, model, given, kept)
                return await self._acarry(call, function)
        call = self._engine.read(operation, model, given)
        return await self._acarry(call, function, streams=bool(given.get("stream")))

    def _pages(self, operation: str, model: object, given: Mapping[str, Any]) -> Pages | None:
        return listing(self._engine, operation, model, given) if operation in LISTS else None

    def _listed(self, pages: Pages) -> Any:
        answers: list[Any] | None = None
        while True:
            try:
                calls = next(pages) if answers is None else pages.send(answers)
            except StopIteration as end:
                return end.value
            answers = [self._carry(call, _function(call, is_async=False)) for call in calls]

    async def _alisted(self, pages: Pages) -> Any:
        answers: list[Any] | None = None
        while True:
            try:
                calls = next(pages) if answers is None else pages.send(answers)
            except StopIteration as end:
                return end.value
            made = (self._acarry(call, _function(call, is_async=True)) for call in calls)
            answers = await asyncio.gather(*made)

    def _carry(
        self, call: RoutedCall, function: Callable[..., Any], *, streams: bool = False
    ) -> Any:
        engine = self._engine
        routed = engine.run(call, _asking(function, call))
        ticket, answer = routed.ticket, routed.answer
        if streams:
            meter, release, changed = self._stream_parts(call, ticket)
            return RoutedStream(answer, meter, release, partial(engine.settle, ticket), changed)
        engine.end(ticket)
        engine.settle(ticket, amounts_of(answer), headers_of(answer))
        return call.changed(answer, ticket.deployment)

    async def _acarry(
        self, call: RoutedCall, function: Callable[..., Any], *, streams: bool = False
    ) -> Any:
        engine = self._engine
        routed = await engine.arun(call, _aasking(function, call))
        ticket, answer = routed.ticket, routed.answer
        if streams:
            meter, release, changed = self._stream_parts(call, ticket)
            settle = partial(engine.asettle, ticket)
            return AsyncRoutedStream(answer, meter, release, settle, changed)
        engine.end(ticket)
        await engine.asettle(ticket, amounts_of(answer), headers_of(answer))
        return call.changed(answer, ticket.deployment)

    def _stream_parts(self, call: RoutedCall, ticket: Ticket) -> tuple[Any, ...]:
        one = ticket.deployment
        asks = call.job.asks_usage and one.limits.counts_tokens
        meter = Meter(ticket.place.amounts, hides_usage=asks)
        return meter, partial(self._engine.end, ticket), partial(_changed, call, one)


def _changed(call: RoutedCall, made_by: Any, chunk: Any) -> Any:
    return call.changed(chunk, made_by)


def _function(call: RoutedCall, *, is_async: bool) -> Callable[..., Any]:
    return function_of(call.job.operation, is_async=is_async)


def _asking(function: Callable[..., Any], call: RoutedCall) -> Callable[[Attempt], Any]:
    rewind = Rewinding(call.given)

    def ask(attempt: Attempt) -> Any:
        rewind()
        return function(**call.arguments(attempt))

    return ask


def _aasking(function: Callable[..., Any], call: RoutedCall) -> Callable[[Attempt], Any]:
    if call.lines is None:
        return _asking(function, call)

    async def ask(attempt: Attempt) -> Any:  # its lines are written anew: that is done in a thread
        return await function(**await asyncio.to_thread(call.arguments, attempt))

    return ask
