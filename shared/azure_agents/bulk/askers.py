"""Who is asked: an agent, a deployment, or a model of a framework that exists already.

All answer in OpenAI's format. Only agents are asked by name (`operation`), so only they can be
asked what became of a turn. None tries again by itself: the run decides about every request.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from time import time
from typing import Any

from ..client.pair import recent_pair
from ..completions.api import acompletion
from ..completions.arguments import read_call
from ..completions.input import to_messages
from ..completions.output import to_response
from ..errors import InvalidRequestError
from ..events import Finished
from ..jsonio import malformed
from ..messages import TurnRequest
from ..models.settings import is_deployment
from ..prices.cost import response_cost
from ..routing.calls import headers_of
from ..threads.memory import MemoryThreadStore
from .asking import Answered, Asked, Asker, Wanted
from .frameworks import framework_asker


def asker_of(model: Any, wanted: Wanted) -> Asker:
    """Find out how a model is asked; nothing is sent.

    Args:
        model: A model string, or a chat model of LangChain or LLM of LlamaIndex.
        wanted: What holds for every turn.

    Raises:
        ConfigError: A setting is missing or wrong.
        InvalidRequestError: It is no model.
    """
    if model is None or isinstance(model, str):
        if is_deployment(model, wanted.arguments):
            return DeploymentAsker(str(model), wanted)
        return agent_asker(model, wanted)
    client = getattr(model, "async_client", None)
    if hasattr(client, "complete") and hasattr(client, "settings"):
        return AgentAsker(client, TurnRequest((), options=wanted.options), wanted)
    return framework_asker(model, wanted)


def agent_asker(model: str | None, wanted: Wanted) -> AgentAsker:
    """Make the asker of an agent.

    Args:
        model: Its name; None: the endpoint or the environment names it.
        wanted: What holds for every turn.

    Raises:
        ConfigError: A setting is missing or wrong.
        InvalidRequestError: An option is wrong.
    """
    # A chain needs one request for a turn, a conversation two. The heads of threads are claimed in
    # this process: the journal has one holder, so no other goes on with them.
    given = {"threads": "auto", "thread_store": MemoryThreadStore(), **wanted.arguments}
    first = {"role": "user", "content": "?"}
    arguments = {**given, **wanted.options, "max_retries": 0}
    call = read_call(model, [first], stream=False, arguments=arguments)
    client = recent_pair(call.settings, call.sign_in, **call.seams).aio()
    return AgentAsker(client, call.request, wanted, call.costs)


class AgentAsker:
    """Asks an agent.

    Args:
        client: Of the agent.
        request: The request of every turn, but for its messages.
        wanted: What holds for every turn.
        costs: What the caller said of the cost.
    """

    def __init__(
        self,
        client: Any,
        request: TurnRequest,
        wanted: Wanted,
        costs: Mapping[str, Any] | None = None,
    ) -> None:
        self._client, self._request, self._wanted = client, request, wanted
        self._costs = dict(costs or {})

    async def ask(self, asked: Asked) -> Answered:
        """Ask one turn.

        Args:
            asked: The turn.
        """
        request = replace(
            self._request,
            messages=to_messages(self._wanted.before(asked.messages)),
            operation=asked.operation,
            is_repeated=asked.is_repeated,
        )
        completed = await self._client.complete(request)
        name = self._client.settings.agent.requested
        response = to_response(
            completed, model=name, created=int(time()), fallback_id=asked.operation
        )
        cost = response_cost(response, self._costs) if self._costs else None
        return _answered(response, _ids(completed.finished), cost)


class DeploymentAsker:
    """Asks a deployment, which keeps nothing: the history is sent with every turn.

    Args:
        model: The model string.
        wanted: What holds for every turn.
    """

    def __init__(self, model: str, wanted: Wanted) -> None:
        self._model, self._wanted = model, wanted

    async def ask(self, asked: Asked) -> Answered:
        """Ask one turn.

        Args:
            asked: The turn.
        """
        arguments = {**self._wanted.arguments, **self._wanted.options, "max_retries": 0}
        messages = self._wanted.before(asked.messages)
        response = await acompletion(self._model, messages, stream=False, **arguments)
        hidden = response._hidden_params  # noqa: SLF001 - LiteLLM's name
        ids = {"thread_id": None, "response_id": response.get("id")}
        return _answered(response, ids, hidden.get("response_cost"))


def _ids(finished: Finished) -> dict[str, str | None]:
    return {
        "thread_id": finished.thread_id,
        "response_id": finished.response_id or finished.run_id,
    }


def _answered(response: Any, ids: Mapping[str, str | None], cost: float | None) -> Answered:
    with malformed(response):
        choice = response.choices[0]
        usage: Any = response.usage
        return Answered(
            message=choice.message.model_dump(),
            ids=ids,
            usage=usage.model_dump() if usage is not None else None,
            cost=cost,
            finish_reason=choice.finish_reason,
            headers=headers_of(response),
        )


def check_model(model: Any) -> None:
    """Refuse what is no model.

    Args:
        model: What was given.

    Raises:
        InvalidRequestError: It is neither a name nor a model.
    """
    if not isinstance(model, str) and not any(
        hasattr(model, name) for name in ("ainvoke", "achat", "async_client")
    ):
        raise InvalidRequestError(
            f"model is a {type(model).__name__}: give a model string, a chat model of LangChain or "
            "an LLM of LlamaIndex"
        )
