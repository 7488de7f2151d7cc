"""One attempt at one deployment whose answer passes as bytes.

It ends with the first content of a stream, or with the whole of another answer: until then the
router may ask the next deployment. An error of the upstream is kept as it came: if it is what the
client hears in the end, it passes unchanged.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Mapping
from functools import lru_cache
from itertools import repeat

from ..errors import (
    AzureAgentsError,
    BadRequestError,
    ConnectionLostError,
    ProtocolError,
    TimedOutError,
)
from ..jsonio import dumps, loads
from ..models.call import is_told
from ..models.requests import SUCCESS, refused_parameters
from ..models.rules import KEPT
from ..routing.flow import Attempt
from ..routing.health import is_about_an_id
from ..service_errors.envelopes import error_from_reply
from ..settings.timeouts import Timeouts
from ..sign_in.auth import Signature
from .asked import Asked
from .deadlines import within
from .exchange import Call, Incoming
from .frames import Frames, choices_of
from .refusals import Refused
from .replies import Header, Reply, Stream, Whole
from .routes import Door
from .targets import Sent, Target
from .upstream import Upstream
from .usage import read_usage

_LOGGER = logging.getLogger("azure_agents")
# Statuses that tell of our own credential or deployment; clients hear 502 instead.
_OURS = frozenset({401, 403, 404})
# What clients tell of themselves, and no answer depends on: Codex sends it with every request.
_OF_CLIENTS = frozenset({"client_metadata"})
_FIRST = 120.0  # seconds until the first content of a stream, where nobody said another number
_HIDDEN = b"[hidden]"
_NO_SECRETS = ("content-type", "anthropic-version", "anthropic-beta", "user-agent")


class Passing:
    """Attempts whose answers pass as bytes.

    Args:
        upstream: The pool of connections.
    """

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._silent: set[str] = set()  # deployments that refuse to tell the usage of a stream

    async def ask(
        self, attempt: Attempt, target: Target, asked: Asked, refused: dict[int, Refused]
    ) -> Reply:
        """Make an attempt.

        Args:
            attempt: Which deployment, and how long.
            target: The operation there.
            asked: By the client.
            refused: Is told the upstream's own words of an error, by the error's `id`.

        Raises:
            AzureAgentsError: It failed.
        """
        try:
            return await self._told(attempt, target, asked, refused)
        except BadRequestError as error:
            smaller = _without_refused(target, asked, error)
            if smaller is None:
                raise
        return await self._told(attempt, target, smaller, refused)

    async def _told(
        self, attempt: Attempt, target: Target, asked: Asked, refused: dict[int, Refused]
    ) -> Reply:
        """Ask, and for the usage of a stream too, unless the service refuses to tell it."""
        one = _One(self._upstream, target, asked, attempt.timeouts, refused)
        id = attempt.deployment.id
        sent = one.sent(asks_usage=id not in self._silent)
        try:
            return await one.reply(sent)
        except AzureAgentsError as error:
            if not (sent.hides_usage and error.status == 400 and _names_options(error)):
                raise
        self._silent.add(id)
        return await one.reply(one.sent(asks_usage=False))


def _without_refused(target: Target, asked: Asked, error: BadRequestError) -> Asked | None:
    """The call without the fields that the service refuses, if they may be left out."""
    names = refused_parameters(error)
    may_drop = target.drops or names <= _OF_CLIENTS
    if not names or not may_drop or names & KEPT or not names <= asked.given.keys():
        return None
    _LOGGER.warning(
        "%s: dropped what the service refuses: %s", asked.doing, ", ".join(sorted(names))
    )
    given = {key: value for key, value in asked.given.items() if key not in names}
    return asked._replace(given=given, raw=None)


def _names_options(error: AzureAgentsError) -> bool:
    return "stream_options" in f"{error.param} {error.message}"


class _One:
    def __init__(
        self,
        upstream: Upstream,
        target: Target,
        asked: Asked,
        timeouts: Timeouts,
        refused: dict[int, Refused],
    ) -> None:
        self._upstream, self._target, self._asked = upstream, target, asked
        self._timeouts, self._refused = timeouts, refused

    def sent(self, *, asks_usage: bool) -> Sent:
        return self._target.sent(self._asked, asks_usage=asks_usage)

    async def reply(self, sent: Sent) -> Reply:
        timeouts = self._timeouts
        first = timeouts.first_event or _FIRST
        most = min(first, timeouts.turn or first) if self._asked.streams else timeouts.turn
        try:
            with within(most):
                incoming = await self._ask(sent.body)
                if self._is_events(incoming):
                    return await self._stream(incoming, hides_usage=sent.hides_usage)
                return await self._whole(incoming)
        except TimeoutError as late:
            raise TimedOutError(f"{self._asked.doing}: no answer in {most:g} s") from late

    async def _ask(self, body: bytes) -> Incoming:
        signature = await self._target.auth.asign()
        incoming = await self._send(body, signature)
        if incoming.status in SUCCESS:
            return incoming
        told = await incoming.error_body()
        if self._target.auth.helps_against(incoming.status, told):
            challenge = incoming.headers.get("www-authenticate", "")
            signature = await self._target.auth.asign(signature, challenge)
            incoming = await self._send(body, signature)
            if incoming.status in SUCCESS:
                return incoming
            told = await incoming.error_body()
        raise self._error(incoming, told, signature)

    def _send(self, body: bytes, signature: Signature) -> Awaitable[Incoming]:
        target, timeouts = self._target, self._timeouts
        asked = self._asked.headers if target.agent is None else self._asked.headers_of_agent
        headers = {**target.headers, **asked, **signature.headers}
        between = timeouts.between_events if self._asked.streams else None
        call = Call(
            target.url,
            headers,
            body,
            connect=timeouts.connect,
            read=between or timeouts.read,
            way=target.way,
            may_repeat=target.agent is None,  # a second turn of an agent would be said twice
        )
        return self._upstream.ask(call, self._asked.doing)

    def _is_events(self, incoming: Incoming) -> bool:
        kind = incoming.headers.get("content-type", "")
        return self._asked.streams and "json" not in kind

    async def _whole(self, incoming: Incoming) -> Whole:
        body = await incoming.whole()
        if not body.startswith(b"{") and not body.lstrip().startswith(b"{"):
            raise ProtocolError(f"{self._asked.doing}: an answer that is no JSON object")
        meter = read_usage(body)
        meter.pricer = self._target.pricer
        headers = incoming.headers
        return Whole(incoming.status, down(headers), body, meter, headers)

    async def _stream(self, incoming: Incoming, *, hides_usage: bool) -> Stream:
        asked = self._asked
        service = self._target.service
        frames = Frames(
            asked.operation,
            asked.doing,
            service,
            hides_usage=hides_usage,
            choices=choices_of(asked.given),
        )
        frames.meter.pricer = self._target.pricer
        first = b""
        try:
            while not frames.has_content:
                piece = await incoming.read()
                first += frames.feed(piece) if piece else frames.end()
        except BaseException as error:
            incoming.close()
            if isinstance(error, ProtocolError):
                raise _lost(error) from error
            raise
        rest, headers = _Rest(frames, incoming), incoming.headers
        return Stream(down(headers), first, rest, frames.meter, headers)

    def _error(self, incoming: Incoming, body: bytes, signature: Signature) -> AzureAgentsError:
        return error_of(
            self._asked, self._target, incoming, body, signature=signature, refused=self._refused
        )


def error_of(
    asked: Asked,
    target: Target,
    incoming: Incoming,
    body: bytes,
    *,
    signature: Signature,
    refused: dict[int, Refused],
    ours: frozenset[int] = _OURS,
) -> AzureAgentsError:
    """The error of an answer that is one.

    Args:
        asked: By the client.
        target: Who answered.
        incoming: The answer.
        body: Of it.
        signature: Its request's.
        refused: Is told the upstream's own words, by the error's `id`, if they may pass.
        ours: Statuses that tell of our own credential or deployment: their words do not pass.
    """
    base = target.base
    host = base.origin.partition("://")[2]
    # Before it is read: whatever form it has, its words may end in an answer, and in the log.
    own = [value for name, value in target.headers.items() if name not in _NO_SECRETS]
    known = (*signature.headers.values(), *own, base.url, base.origin, host, base.host)
    body = _blotted(_plain(body), known)
    headers = {name: v for name, v in incoming.headers.items() if v == _blotted_text(v, known)}
    error = error_from_reply(incoming.status, headers, body, doing=asked.doing, of=target.service)
    is_ours = incoming.status in ours and not is_about_an_id(error)
    if incoming.status >= 400 and not is_ours and _is_form(body, asked.door):
        refused[id(error)] = Refused(incoming.status, body, tuple(down(headers)))
    return error


class _Rest:
    """The rest of a stream, in whole events."""

    is_slow = False

    def __init__(self, frames: Frames, incoming: Incoming) -> None:
        self._frames, self._incoming = frames, incoming

    @property
    def is_over(self) -> bool:
        return self._frames.is_done

    async def read(self) -> bytes:
        frames = self._frames
        while not frames.is_done:
            piece = await self._incoming.read()
            if not piece:
                return self._last()
            if passed := frames.feed(piece):
                return passed
        return b""

    def _last(self) -> bytes:
        try:
            return self._frames.end()
        except ProtocolError as error:
            raise _lost(error) from error

    async def close(self) -> None:
        self._incoming.finish() if self.is_over else self._incoming.close()


def _lost(error: ProtocolError) -> ConnectionLostError:
    return ConnectionLostError(error.message)


def down(headers: Mapping[str, str]) -> list[Header]:
    """The headers that go down: never a cookie, a key, or how the body was packed.

    Args:
        headers: Of an answer, names in lower case.
    """
    kind = (b"content-type", headers.get("content-type", "application/json").encode("latin-1"))
    names, sent = _names_down(tuple(headers))
    values = map(str.encode, map(headers.__getitem__, names), repeat("latin-1"))
    return [kind, *zip(sent, values, strict=True)]


@lru_cache(100)
def _names_down(names: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[bytes, ...]]:
    """The names of those that go down, and their names there; most answers have the same."""
    down = tuple(name for name in names if is_told(name) or name in _WAITS)
    return down, tuple(_RENAMED.get(name, name).encode("latin-1") for name in down)


_RENAMED = {"x-request-id": "x-upstream-request-id"}  # under that name the gateway has its own
_WAITS = ("retry-after", "retry-after-ms")


def _is_form(body: bytes, door: Door) -> bool:
    """Whether an error is in the form of the route."""
    try:
        data = loads(body)
    except ProtocolError:
        return False
    inner = data.get("error") if isinstance(data, dict) else None
    if not isinstance(inner, dict) or not isinstance(inner.get("message"), str):
        return False
    is_anthropics: bool = data.get("type") == "error"
    return is_anthropics == (door == "anthropic")


def _plain(body: bytes) -> bytes:
    """JSON without escapes of letters: behind one a secret would not be found."""
    if b"\\" not in body:
        return body
    try:
        return dumps(loads(body))
    except ProtocolError:
        return body


def _blotted_text(text: str, secrets: tuple[str, ...]) -> str:
    return _blotted(text.encode(), secrets).decode()


def _blotted(body: bytes, secrets: tuple[str, ...]) -> bytes:
    for secret in secrets:
        bare = secret.removeprefix("Bearer ").encode()
        if bare:
            body = body.replace(bare, _HIDDEN)
    return body
