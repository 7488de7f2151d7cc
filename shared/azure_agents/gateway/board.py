"""The router's parts, put together for answers that pass as bytes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

from ..errors import InvalidRequestError
from ..routing.book import Book
from ..routing.calls import RoutedCall, read_call
from ..routing.counts import Counts, Ticket
from ..routing.deployments import Deployment, read_deployments
from ..routing.drivers import Driver
from ..routing.flow import Attempt, Desk, Routed, left_of, route
from ..routing.health import Health
from ..routing.limits import Amounts
from ..routing.redis_link import RedisLink
from ..routing.settings import read_settings
from .config.objects import GatewayConfig
from .refusals import Refusal

_UNKNOWN = "model_not_found"


class Board:
    """Which deployments there are, how they are, and who is asked.

    Args:
        config: With entries and settings of the router.

    Raises:
        ConfigError: An entry or a setting is wrong.
    """

    def __init__(self, config: GatewayConfig) -> None:
        drops = {"drop_params": True} if config.drops else {}
        settings = read_settings({**config.router, "default_litellm_params": drops})
        entries = [entry.as_router_entry() for entry in config.entries]
        self.deployments = read_deployments(entries, settings.defaults)
        self.book = Book(self.deployments, settings)
        self._settings = settings
        self.link = None if settings.redis_url is None else RedisLink(settings.redis_url)
        counts = Counts(settings.clock, None if self.link is None else settings.prefix)
        health = Health(
            settings.clock,
            settings.cooldown,
            settings.allowed_fails,
            is_off=settings.is_cooling_off,
        )
        self.desk = Desk(counts, health, settings.clock)
        self._driver = Driver(settings.clock, self.link)

    def read(self, operation: str, model: str, given: Mapping[str, Any]) -> RoutedCall:
        """Read a call.

        Args:
            operation: Name of a row of the table of operations.
            model: By the name that the client used.
            given: The other fields.

        Raises:
            Refusal: The model is unknown.
            InvalidRequestError: A field is wrong.
        """
        try:
            call = read_call(operation, model, given, self.book, self._settings)
        except InvalidRequestError as error:
            if error.code != _UNKNOWN:
                raise
            sentence = f"The model {model[:200]!r} does not exist, or you do not have access to it."
            raise Refusal(404, sentence, code=_UNKNOWN, param="model") from error
        # Streams are always asked for their usage here, by the attempt.
        return replace(call, job=replace(call.job, asks_usage=False))

    async def route(self, call: RoutedCall, ask: Callable[[Attempt], Awaitable[Any]]) -> Routed:
        """Ask deployments until one answers.

        Args:
            call: What is asked.
            ask: Makes one attempt.

        Raises:
            AzureAgentsError: None did.
        """
        routed: Routed = await self._driver.arun(route(call.job, self.desk), ask)
        return routed

    async def settle(self, routed: Routed, used: Amounts | None, told: Mapping[str, str]) -> None:
        """Give a place back, and count what an answer used.

        Args:
            routed: The answer's place.
            used: Tokens; None: it does not tell.
            told: Headers of the service.
        """
        self.desk.counts.learn(routed.ticket.deployment, left_of(told))
        await self.give_back(routed.ticket, used)

    async def begin(self, counted: Deployment, amounts: Amounts) -> Ticket | None:
        """Give a call a place in windows; None if there is none now.

        Args:
            counted: Whose windows: a deployment's, or a key's in the form of one.
            amounts: What it will use, as far as known.
        """
        counts = self.desk.counts
        ticket: Ticket | None = await self._driver.arun(counts.begin(counted, amounts), _nothing)
        return ticket

    async def give_back(self, ticket: Ticket, used: Amounts | None) -> None:
        """Count a call as running no longer, and what it used.

        Args:
            ticket: Its place.
            used: Tokens; None: it does not tell.
        """
        counts = self.desk.counts
        counts.end(ticket)
        if used is not None:
            await self._driver.arun(counts.settle(ticket, used), _nothing)

    def named(self, name: str) -> tuple[Deployment, ...]:
        """The deployments that a name stands for; none if it is unknown."""
        try:
            return self.book.group(name)
        except InvalidRequestError:
            return ()

    def close(self) -> None:
        """Close the connections to Redis."""
        if self.link is not None:
            self.link.close()


async def _nothing(attempt: Attempt) -> Any:
    raise AssertionError(f"counting asks no deployment: {attempt}")
