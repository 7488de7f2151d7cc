"""`Router`: one model of several deployments."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Unpack

from ..completions.api import Messages, acompletion, completion
from .book import Book
from .calls import RoutedCall, amounts_of, headers_of, read_call
from .counts import Counts
from .deployments import read_deployments
from .drivers import Driver
from .flow import Attempt, Desk, Flow, Routed, left_of, route
from .functions import NAMES, Rewinding, function_of, named_arguments, operation_of
from .health import Health
from .limits import SECOND, Amounts
from .redis_link import RedisLink
from .settings import RouterArguments, read_settings
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
        settings = read_settings(arguments)
        self._settings = settings
        self._book = Book(read_deployments(model_list, settings.defaults), settings)
        self._link = None if settings.redis_url is None else RedisLink(settings.redis_url)
        clock = settings.clock
        counts = Counts(clock, None if self._link is None else settings.prefix)
        health = Health(
            clock, settings.cooldown, settings.allowed_fails, is_off=settings.is_cooling_off
        )
        self._desk = Desk(counts, health, clock)
        self._driver = Driver(clock, self._link)

    @property
    def model_names(self) -> tuple[str, ...]:
        """What callers may ask for, without names that hold a ``*``."""
        return self._book.names

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
        counts, health = self._desk.counts, self._desk.health
        deployments = [
            {
                "id": one.id,
                "model_name": one.name,
                "model": one.model,
                "counted": counts.counted(one),
                "running": counts.running(one),
                "busy_for": health.busy_for(one) / SECOND,
                "failed_for": health.failed_for(one) / SECOND,
                "last_error": None if (error := health.last_error(one)) is None else str(error),
            }
            for one in self._book.deployments
        ]
        breaker = None if self._link is None else self._link.breaker
        redis = breaker and {"is_up": not breaker.is_down, "outages": breaker.outages}
        return {"deployments": deployments, "redis": redis}

    def close(self) -> None:
        """Close the connections to Redis; the router can still be used."""
        if self._link is not None:
            self._link.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {', '.join(self._book.names) or 'nothing'}>"

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
        call = read_call(operation, model, given, self._book, self._settings)
        routed = self._driver.run(route(call.job, self._desk), _asking(function, call))
        made_by = routed.ticket.deployment
        if given.get("stream"):
            meter, release, settle, changed = self._stream_parts(call, routed)
            return RoutedStream(routed.answer, meter, release, partial(self._run, settle), changed)
        self._run(self._counted, routed)
        return call.changed(routed.answer, made_by)

    async def _aask(
        self, operation: str, function: Callable[..., Any], model: object, given: Mapping[str, Any]
    ) -> Any:
        call = read_call(operation, model, given, self._book, self._settings)
        routed = await self._driver.arun(route(call.job, self._desk), _asking(function, call))
        made_by = routed.ticket.deployment
        if given.get("stream"):
            meter, release, settle, changed = self._stream_parts(call, routed)
            end = partial(self._arun, settle)
            return AsyncRoutedStream(routed.answer, meter, release, end, changed)
        await self._arun(self._counted, routed)
        return call.changed(routed.answer, made_by)

    def _stream_parts(self, call: RoutedCall, routed: Routed) -> tuple[Any, ...]:
        ticket, counts = routed.ticket, self._desk.counts
        asks = call.job.asks_usage and ticket.deployment.limits.counts_tokens
        meter = Meter(ticket.place.amounts, hides_usage=asks)
        changed = partial(_changed, call, ticket.deployment)
        return meter, partial(counts.end, ticket), partial(counts.settle, ticket), changed

    def _counted(self, routed: Routed) -> Flow:
        """Give a place back, and count what the answer used."""
        counts, ticket = self._desk.counts, routed.ticket
        counts.end(ticket)
        counts.learn(ticket.deployment, left_of(headers_of(routed.answer)))
        used: Amounts | None = amounts_of(routed.answer)
        if used is not None:
            yield from counts.settle(ticket, used)

    def _run(self, flow: Callable[..., Flow], value: Any) -> None:
        self._driver.run(flow(value), _nothing)

    async def _arun(self, flow: Callable[..., Flow], value: Any) -> None:
        await self._driver.arun(flow(value), _nothing)


def _changed(call: RoutedCall, made_by: Any, chunk: Any) -> Any:
    return call.changed(chunk, made_by)


def _asking(function: Callable[..., Any], call: RoutedCall) -> Callable[[Attempt], Any]:
    rewind = Rewinding(call.given)

    def ask(attempt: Attempt) -> Any:
        rewind()
        return function(**call.arguments(attempt))

    return ask


def _nothing(attempt: Attempt) -> Any:
    raise AssertionError(f"counting asks no deployment: {attempt}")
