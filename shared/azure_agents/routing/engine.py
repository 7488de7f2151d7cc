"""What routes calls: the deployments, counts and health of one list, for whoever asks.

`Router` asks with the functions of the library. A server may ask in its own way (bytes in, bytes
out): it reads a call, runs it with an ``ask`` of its own, and tells at the end what was used.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

from .book import Book
from .calls import Calls, RoutedCall
from .counts import Counts, Ticket
from .deployments import Deployment, read_deployments
from .drivers import Driver
from .flow import Attempt, Desk, Flow, Routed, left_of, route
from .health import Health
from .limits import SECOND, Amounts
from .redis_link import RedisLink
from .settings import RouterSettings, read_settings


class Engine:
    """Routes calls, from any number of threads and event loops.

    Args:
        model_list: The deployments, in LiteLLM's form.
        arguments: See `azure_agents.routing.settings.RouterArguments`.
        places: What errors call each entry; by default its place in the list.

    Raises:
        ConfigError: An argument or an entry is unknown or wrong.
    """

    def __init__(
        self,
        model_list: Iterable[Mapping[str, Any]],
        arguments: Mapping[str, Any],
        places: Sequence[str] = (),
    ) -> None:
        self.settings: RouterSettings = read_settings(arguments)
        deployments = read_deployments(model_list, self.settings.defaults, places)
        self.book = Book(deployments, self.settings)
        calls = Calls(self.book, self.settings)
        self.read, self.read_for = calls.read, calls.read_for
        self.read_batch = calls.read_batch
        url, clock = self.settings.redis_url, self.settings.clock
        self.link = None if url is None else RedisLink(url)
        self.desk = Desk(
            Counts(clock, None if self.link is None else self.settings.prefix),
            Health(
                clock,
                self.settings.cooldown,
                self.settings.allowed_fails,
                is_off=self.settings.is_cooling_off,
            ),
            clock,
        )
        self._driver = Driver(clock, self.link)

    def take_over(self, other: Engine) -> None:
        """Go on with the counts of an engine whose place this one takes.

        Args:
            other: The one before.
        """
        self.desk.counts.take_over(other.desk.counts)

    def run(self, call: RoutedCall, ask: Callable[[Attempt], Any]) -> Routed:
        """Route a call; its place is still to be given back, by `settle` or `end`.

        Args:
            call: What is to be done.
            ask: Asks one deployment once; raises what went wrong, before any content.

        Raises:
            RateLimitError: All deployments are at their limits or said so.
            AzureAgentsError: Of the last deployment that was asked.
        """
        routed: Routed = self._driver.run(route(call.job, self.desk), ask)
        return routed

    def arun(self, call: RoutedCall, ask: Callable[[Attempt], Awaitable[Any]]) -> Awaitable[Routed]:
        """Do as `run` does, on an event loop.

        Args:
            call: As for `run`.
            ask: As for `run`.
        """
        return self._driver.arun(route(call.job, self.desk), ask)

    async def aplace(self, counted: Deployment, amounts: Amounts) -> Ticket | None:
        """Give a call a place in some windows; None if there is none now.

        Args:
            counted: Whose windows: a deployment's, or of what a server counts like one.
            amounts: What the call will use, as far as known.
        """
        if self.link is None:
            return self.desk.counts.begin_here(counted, amounts)
        flow = self.desk.counts.begin(counted, amounts)
        ticket: Ticket | None = await self._driver.arun(flow, _anothing)
        return ticket

    def end(self, ticket: Ticket) -> None:
        """Give a place back: the call runs no longer."""
        self.desk.counts.end(ticket)

    def settle(
        self, ticket: Ticket, used: Amounts | None, headers: Mapping[str, str] | None = None
    ) -> None:
        """Count what a call used, in the place of what was reserved.

        Args:
            ticket: Of the call.
            used: Tokens; None: it was not told.
            headers: Of the answer: they tell what is left of the service's minute.
        """
        self._driver.run(self._settled(ticket, used, headers or {}), _nothing)

    async def asettle(
        self, ticket: Ticket, used: Amounts | None, headers: Mapping[str, str] | None = None
    ) -> None:
        """Do as `settle` does, on an event loop.

        Args:
            ticket: As for `settle`.
            used: As for `settle`.
            headers: As for `settle`.
        """
        await self._driver.arun(self._settled(ticket, used, headers or {}), _anothing)

    async def afinish(
        self, ticket: Ticket, used: Amounts | None, headers: Mapping[str, str] | None = None
    ) -> None:
        """Do as `end` and `asettle` do.

        Args:
            ticket: As for `settle`.
            used: As for `settle`.
            headers: As for `settle`.
        """
        if self.link is None:
            left = left_of(headers) if headers else None
            self.desk.counts.finish_here(ticket, used, left)
        else:
            self.end(ticket)
            await self.asettle(ticket, used, headers)

    def _settled(self, ticket: Ticket, used: Amounts | None, headers: Mapping[str, str]) -> Flow:
        self.desk.counts.learn(ticket.deployment, left_of(headers))
        if used is not None:
            yield from self.desk.counts.settle(ticket, used)

    def status(self) -> dict[str, Any]:
        """Tell how the deployments and Redis are, as this process sees them."""
        breaker = None if self.link is None else self.link.breaker
        redis = breaker and {"is_up": not breaker.is_down, "outages": breaker.outages}
        return {"deployments": [self._told(one) for one in self.book.deployments], "redis": redis}

    def _told(self, one: Any) -> dict[str, Any]:
        counts, health = self.desk.counts, self.desk.health
        error = health.last_error(one)
        return {
            "id": one.id,
            "model_name": one.name,
            "model": one.model,
            "counted": counts.counted(one),
            "windows": [window._asdict() for window in counts.windows(one)],
            "free_in": max(counts.wait(one, Amounts(1)), counts.refused_for(one)) / SECOND,
            "running": counts.running(one),
            "busy_for": health.busy_for(one) / SECOND,
            "failed_for": health.failed_for(one) / SECOND,
            "cooldowns": health.times(one),
            "last_error": None if error is None else str(error),
        }

    def close(self) -> None:
        """Close the connections of threads to Redis; the engine can still be used."""
        if self.link is not None:
            self.link.close()


def _nothing(attempt: Attempt) -> Any:
    raise AssertionError(f"counting asks no deployment: {attempt}")


async def _anothing(attempt: Attempt) -> Any:
    raise AssertionError(f"counting asks no deployment: {attempt}")
