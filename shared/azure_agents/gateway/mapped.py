"""Attempts that the library maps: agents of both generations, and chats of other formats.

The client's chat is a call of `acompletion`; its answer is written as the JSON of an OpenAI
endpoint, a stream as its events.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from ..completions.api import acompletion
from ..errors import ConfigError, InvalidRequestError
from ..jsonio import JSON, dumps
from ..models.settings import is_deployment
from ..naming import parse_agent
from ..prices.pricer import Pricer
from ..routing.calls import RoutedCall
from ..routing.flow import Attempt
from .asgi import EVENTS_TYPE, JSON_TYPE
from .keyring import Caller
from .meter import Meter
from .replies import Header, Reply, Stream, Whole
from .seals import Seals
from .targets import entry_costs

_DONE = b"data: [DONE]\n\n"
_THREAD = b"x-thread-id"


class Asker(NamedTuple):
    """Who asks an agent, and on which thread.

    Attributes:
        caller: Whose key it is.
        seals: Seal its threads.
        user: Whom the client asks for; "" if it did not say.
        identity: What the configured header says of the user; None: nothing.
        headers: Of a trace, that go up as well.
    """

    caller: Caller
    seals: Seals
    user: str = ""
    identity: str | None = None
    headers: Mapping[str, str] = MappingProxyType({})

    def __repr__(self) -> str:
        return f"Asker({self.caller.name!r})"  # an identity may be secret

    def also_sending(self, headers: Mapping[str, str]) -> Asker:
        """The same, with headers that go up as well."""
        return self._replace(headers=headers) if headers else self

    def arguments(self) -> dict[str, Any]:
        """Arguments that only calls of agents have."""
        owner = f"{self.caller.name}/{self.user}" if self.caller.name or self.user else None
        known = {
            "owner": owner,
            "user_identity": self.identity,
            "anchor_key": self.seals.anchor_key(self.caller),
        }
        return {name: value for name, value in known.items() if value is not None}

    def sealed(self, data: JSON) -> JSON:
        """An answer or a chunk whose thread only this key can use."""
        if isinstance(data.get("thread_id"), str):
            data["thread_id"] = self.seals.sealed(data["thread_id"], self.caller)
        return data


async def ask_mapped(call: RoutedCall, attempt: Attempt, asker: Asker, *, streams: bool) -> Reply:
    """Make an attempt.

    Args:
        call: What is asked.
        attempt: Which deployment, and how long.
        asker: Who asks.
        streams: Whether the answer comes in pieces.

    Raises:
        AzureAgentsError: It failed.
    """
    one = attempt.deployment
    arguments = call.arguments(attempt)
    is_agent = not is_deployment(one.model, one.params)
    if is_agent:
        arguments = {**_taken(arguments, one.model), **asker.arguments()}
    if asker.headers:
        own = arguments.get("extra_headers") or {}
        arguments = {**arguments, "extra_headers": {**own, **asker.headers}}
    hides = streams and not _asks_usage(arguments)
    if hides:
        arguments["stream_options"] = {"include_usage": True}
    answer: Any = await _asked(arguments, call.given)
    changed = _Changed(call, attempt, asker if is_agent else None)
    if streams:
        return await _stream(answer, changed, hides_usage=hides)
    return _whole(answer, changed)


def _taken(arguments: Mapping[str, Any], agent: str) -> dict[str, Any]:
    """The arguments that an agent takes of every client.

    Many programs always say for whom they ask. That makes the owner; a classic run has no such
    option.
    """
    is_classic = parse_agent(agent).generation == "classic"
    return {name: v for name, v in arguments.items() if not (is_classic and name == "user")}


async def _asked(arguments: Mapping[str, Any], given: Mapping[str, Any]) -> Any:
    try:
        return await acompletion(**arguments)
    except ConfigError as error:
        # A wrong argument of the client's is an error of its request, not of the entry's.
        if any(f"{name}=" in error.message for name in given):
            raise InvalidRequestError(error.message, **error.facts) from error
        raise


def _asks_usage(arguments: Mapping[str, Any]) -> bool:
    options = arguments.get("stream_options")
    return isinstance(options, Mapping) and bool(options.get("include_usage"))


class _Changed:
    """Makes the client's JSON of an answer or a chunk, and reads what it used."""

    def __init__(self, call: RoutedCall, attempt: Attempt, asker: Asker | None) -> None:
        self.meter = Meter()
        self._call, self._made_by, self._asker = call, attempt.deployment, asker
        self.told: Mapping[str, str] = {}  # the headers of the service

    def __call__(self, answer: Any) -> JSON:
        hidden: Any = getattr(answer, "_hidden_params", {})
        answer = self._call.changed(answer, self._made_by)
        data: JSON = answer.model_dump()
        self.meter.note(data)
        # Prices of the entry go before what the library worked out without them.
        own = entry_costs(self._made_by)
        self.meter.pricer = Pricer({**hidden, **own}) if own else None
        self.meter.told_cost = hidden.get("response_cost")
        self.told = hidden.get("headers") or {}
        data["model"] = self._call.job.asked
        return data if self._asker is None else self._asker.sealed(data)


def _whole(answer: Any, changed: _Changed) -> Whole:
    data = changed(answer)
    told = dict(changed.told)
    return Whole(200, (JSON_TYPE, *_thread(data)), dumps(data), changed.meter, told)


def _thread(data: JSON) -> tuple[Header, ...]:
    thread = data.get("thread_id")
    return ((_THREAD, thread.encode()),) if isinstance(thread, str) else ()


async def _stream(answer: Any, changed: _Changed, *, hides_usage: bool) -> Stream:
    chunks = _Chunks(answer, changed, hides_usage=hides_usage)
    try:
        first = await chunks.read()
    except BaseException:  # also where the client has gone
        await chunks.close()
        raise
    return Stream((EVENTS_TYPE,), first, chunks, changed.meter)


class _Chunks:
    """The events of a stream that the library made."""

    is_slow = True  # a run is cancelled

    def __init__(self, answer: Any, changed: _Changed, *, hides_usage: bool) -> None:
        self._answer, self._changed, self._hides_usage = answer, changed, hides_usage
        self.is_over = False

    async def read(self) -> bytes:
        async for chunk in self._answer:
            data = self._changed(chunk)
            if self._hides_usage and not data.get("choices"):
                continue
            if self._hides_usage:
                data.pop("usage", None)
            piece = b"data: " + dumps(data) + b"\n\n"
            self._changed.meter.size += len(piece)
            return piece
        if self.is_over:
            return b""
        self.is_over = True
        return _DONE

    async def close(self) -> None:
        await self._answer.aclose()
