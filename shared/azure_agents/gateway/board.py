"""The router's engine, set up by a config file."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from ..errors import AzureAgentsError, InvalidRequestError
from ..models.settings import is_deployment
from ..routing.calls import RoutedCall
from ..routing.counts import Ticket
from ..routing.deployments import Deployment
from ..routing.engine import Engine
from ..routing.flow import Attempt, Group, Routed
from ..routing.health import is_about_the_model
from ..routing.limits import SECOND, Amounts
from .config.objects import GatewayConfig
from .refusals import Refusal, refusal_of

_UNKNOWN = "model_not_found"


class Board:
    """Which deployments there are, how they are, and who is asked.

    Args:
        config: With entries and settings of the router.

    Raises:
        ConfigError: An entry or a setting is wrong.
    """

    def __init__(self, config: GatewayConfig) -> None:
        shared = config.router.get("default_litellm_params") or {}
        shared = {**({"drop_params": True} if config.drops else {}), **shared}
        entries = [entry.as_router_entry() for entry in config.entries]
        places = [f"line {one.line}, model_list[{at}]" for at, one in enumerate(config.entries)]
        self.engine = Engine(entries, {**config.router, "default_litellm_params": shared}, places)
        self.deployments = self.engine.book.deployments
        self.names = self.engine.book.names
        self.is_spread = self.engine.book.is_spread

    def read(
        self, operation: str, model: str, given: Mapping[str, Any], *, is_bare: bool = False
    ) -> RoutedCall:
        """Read a call.

        Args:
            operation: Name of a row of the table of operations.
            model: By the name that the client used.
            given: The other fields.
            is_bare: None of them holds an id with a mark.

        Raises:
            Refusal: The model is unknown.
            InvalidRequestError: A field is wrong.
        """
        try:
            # Streams are always asked for their usage here, by the attempt.
            return self.engine.read(operation, model, given, is_bare=is_bare, asks_usage=False)
        except InvalidRequestError as error:
            if error.code != _UNKNOWN:
                raise
            raise _unknown(model) from error

    def read_for(
        self, operation: str, given: Mapping[str, Any], groups: tuple[Group, ...]
    ) -> RoutedCall:
        """Read a call that is asked of a resource, and not of a model.

        Args:
            operation: Name of a row of the table of operations.
            given: Its fields and ids.
            groups: Who may be asked.

        Raises:
            InvalidRequestError: Ids do not fit together.
        """
        return self.engine.read_for(operation, given, groups)

    def refusal_of(self, call: RoutedCall, error: AzureAgentsError) -> Refusal:
        """What a client hears of a call that failed.

        Args:
            call: What was asked.
            error: Of the last attempt.
        """
        is_named = "*" in call.group and len(call.job.groups) == 1
        if is_named and is_about_the_model(error):
            return _unknown(call.job.asked)  # the client wrote it, and no entry is wrong
        return refusal_of(error)

    def group(self, name: str) -> Group:
        """The deployments of a model; none if it is unknown.

        Args:
            name: As the client wrote it.
        """
        return self.engine.book.find(name)

    def name_of(self, model: str) -> str:
        """The model of the config that answers by a name, such as ``gpt-4o-2024-08-06``.

        Args:
            model: As answers call it; "" if no entry is known to.
        """
        named = (one.name for one in self.deployments if one.info.get("base_model") == model)
        group = self.group(model)
        return group[0].name if group else next(named, "")

    def is_agent(self, name: str) -> bool:
        """Whether a model is an agent.

        Args:
            name: As the client wrote it.
        """
        group = self.group(name)
        return bool(group) and not is_deployment(group[0].model, group[0].params)

    def route(
        self, call: RoutedCall, ask: Callable[[Attempt], Awaitable[Any]]
    ) -> Awaitable[Routed]:
        """Ask deployments until one answers.

        Args:
            call: What is asked.
            ask: Makes one attempt.

        Raises:
            AzureAgentsError: None did.
        """
        return self.engine.arun(call, ask)

    def begin(self, counted: Deployment, amounts: Amounts) -> Awaitable[Ticket | None]:
        """Give a call a place in a key's windows; None if there is none now.

        Args:
            counted: The key, in the form of a deployment.
            amounts: What the call will use, as far as known.
        """
        return self.engine.aplace(counted, amounts)

    def wait(self, counted: Deployment, amounts: Amounts) -> float:
        """Seconds until there is a place.

        Args:
            counted: As for `begin`.
            amounts: As for `begin`.
        """
        return self.engine.desk.counts.wait(counted, amounts) / SECOND

    def give_back(
        self, ticket: Ticket, used: Amounts | None, told: Mapping[str, str] | None = None
    ) -> Awaitable[None]:
        """Count a call as running no longer, and what it used.

        Args:
            ticket: Its place.
            used: Tokens; None: it does not tell.
            told: Headers of the service.
        """
        return self.engine.afinish(ticket, used, told)

    @property
    def is_shared(self) -> bool:
        """Whether counts are in Redis, too."""
        return self.engine.link is not None

    def close(self) -> None:
        """Close the connections to Redis."""
        self.engine.close()


def _unknown(model: str) -> Refusal:
    sentence = f"The model {model[:200]!r} does not exist, or you do not have access to it."
    return Refusal(404, sentence, code=_UNKNOWN, param="model")
