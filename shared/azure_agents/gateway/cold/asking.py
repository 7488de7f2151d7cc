"""One attempt of this room: a request goes up, and the head of its answer comes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from ...errors import TimedOutError
from ...models.requests import SUCCESS
from ...routing.flow import Attempt
from ...settings.timeouts import Timeouts
from ...sign_in.auth import Signature
from ..asked import Asked
from ..attempts import error_of
from ..exchange import Call, Incoming
from ..refusals import Refused
from ..targets import ID, Target
from ..upstream import Upstream
from .asked import Wanted
from .forms import Body

_UPLOAD = 3_600.0  # seconds that an upload may take: the clock of a read runs while it is sent
_OURS = frozenset({401, 403})  # of a resource a 404 tells of an id, which is the client's
_OURS_OF_A_MODEL = frozenset({401, 403, 404})


@dataclass(frozen=True, slots=True)
class Ask:
    """What is asked of whatever deployment.

    Attributes:
        wanted: By the client.
        asked: The same, for errors and books.
        id: In the path; as the service knows it.
        query: What of the client's query goes up.
        refused: Is told the upstream's own words of an error, by the error's `id`.
    """

    wanted: Wanted
    asked: Asked
    id: str = ""
    query: tuple[tuple[str, str], ...] = ()
    refused: dict[int, Refused] = field(default_factory=dict)


async def ask_once(
    upstream: Upstream, attempt: Attempt, target: Target, ask: Ask, body: Body | None
) -> Incoming:
    """Make an attempt.

    Args:
        upstream: The pool of connections.
        attempt: Which deployment, and how long.
        target: The operation there.
        ask: What is asked.
        body: That goes up; None: none.

    Returns:
        The answer, of which nothing but the head was read.

    Raises:
        AzureAgentsError: It failed.
    """
    moves_file = ask.wanted.row.makes == "file" or ask.wanted.row.name == "file_content"
    most = None if moves_file else attempt.timeouts.turn
    try:
        async with asyncio.timeout(most):
            return await _signed(upstream, attempt.timeouts, target, ask, body)
    except TimeoutError as late:
        raise TimedOutError(f"{ask.asked.doing}: no answer in {most or 0:g} s") from late


async def _signed(
    upstream: Upstream, timeouts: Timeouts, target: Target, ask: Ask, body: Body | None
) -> Incoming:
    signature = await target.auth.asign()
    incoming = await _send(upstream, timeouts, target, ask, body, signature=signature)
    if incoming.status in SUCCESS:
        return incoming
    told = await incoming.error_body()
    if target.auth.helps_against(incoming.status, told):
        challenge = incoming.headers.get("www-authenticate", "")
        signature = await target.auth.asign(signature, challenge)
        incoming = await _send(upstream, timeouts, target, ask, body, signature=signature)
        if incoming.status in SUCCESS:
            return incoming
        told = await incoming.error_body()
    ours = _OURS_OF_A_MODEL if ask.wanted.row.of_deployment else _OURS
    raise error_of(
        ask.asked, target, incoming, told, signature=signature, refused=ask.refused, ours=ours
    )


async def _send(
    upstream: Upstream,
    timeouts: Timeouts,
    target: Target,
    ask: Ask,
    body: Body | None,
    *,
    signature: Signature,
) -> Incoming:
    call = Call(
        _url(target, ask),
        {**_headers(target, body), **ask.asked.headers, **signature.headers},
        _sent(body),
        method=ask.wanted.row.method,
        connect=timeouts.connect,
        read=_UPLOAD if ask.wanted.row.makes == "file" else timeouts.read,
        way=target.way,
        may_repeat=ask.wanted.row.may_repeat,
    )
    return await upstream.ask(call, ask.asked.doing)


def _sent(body: Body | None) -> Any:
    """Bytes where they are here, since connections for these are faster; else an iterator."""
    if body is None:
        return b""
    return body.pieces() if body.data is None else body.data


def _headers(target: Target, body: Body | None) -> dict[str, str]:
    own: Mapping[str, str] = {k: v for k, v in target.headers.items() if k != "content-type"}
    if body is None:
        return dict(own)
    size = {"content-length": str(body.size)} if body.data is None else {}
    return {**own, "content-type": body.type, **size}


def _url(target: Target, ask: Ask) -> Any:
    from yarl import URL

    url = target.url
    if ask.id:
        url = URL(str(url).replace(ID, quote(ask.id, safe="")), encoded=True)
    own = {name for name, _ in url.query.items()}
    more = [one for one in ask.query if one[0] not in own]
    return url.extend_query(more) if more else url
