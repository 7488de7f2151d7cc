"""Ids that go back to where they were made. Pure.

A response, a conversation, a file or a thread is known to the resource that made it, and reasoning
that was encrypted there can be read there only. Where a call may go to several resources, an id
that it makes carries its deployment behind a ``~``: ``resp_abc~1f2e3d4c``. Such an id leads the
next call back, and the mark is taken off before it is sent. With one resource ids stay as they are,
and an id without a mark is always taken, too.

Marks stand wherever an id can stand, but not in what people write: texts, arguments of functions,
metadata and schemas are never read or changed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import InvalidRequestError
from ..naming import shown
from .deployments import Deployment

_BARE = re.compile(r"[^\s~]+")
_MARKED = re.compile(r"(?P<id>[^\s~]+)~(?P<mark>[0-9a-f]{8})")
# As the services' ids look; one with a mark that nobody knows is a mistake, and no other text.
_AN_ID = re.compile(r"[a-z]{2,16}[_-][A-Za-z0-9_-]{6,}")
# What people write, and where files lie; the value is no id where it is a text.
_TEXTS = frozenset(
    {
        "arguments",
        "content",
        "description",
        "file",  # a path
        "image",
        "input",
        "instructions",
        "mask",
        "name",
        "output",
        "prompt",
        "text",
        "title",
        "user",
    }
)
# Nothing in them is an id.
_CLOSED = frozenset({"metadata", "parameters", "schema", "json_schema", "logprobs"})
# In a history: where it stands on the server. It may go elsewhere, and is then told anew.
ANCHOR = "foundry"
# What of an answer is an id, besides what ends in ``_id``.
_IDS = frozenset(
    {
        "id",
        "conversation",
        "encrypted_content",
        "training_file",
        "validation_file",
        "result_files",
        ANCHOR,
    }
)
# These end in ``_id``, and are known everywhere or nowhere.
_NO_IDS = frozenset({"call_id", "tool_call_id", "custom_id", "user_id", "organization_id"})
# Of an answer: what the caller sent, told again.
_ECHOES = _CLOSED | {"tools", "tool_choice", "text", "usage"}


@dataclass(frozen=True, slots=True)
class Found:
    """What a request says of where it must go.

    Attributes:
        body: The request without marks.
        home: Where its ids were made; None: none carries a mark.
        wish: Where its history stands, which another deployment would have to be told anew.
    """

    body: dict[str, Any]
    home: Deployment | None = None
    wish: Deployment | None = None


def read(body: Mapping[str, Any], known: Mapping[str, Deployment]) -> Found:
    """Find the marks of a request and take them off.

    Args:
        body: The request.
        known: Deployments by their marks.

    Raises:
        InvalidRequestError: Ids of two resources, or one of a deployment that is not there.
    """
    homes: list[tuple[str, Deployment]] = []
    wishes: list[Deployment] = []

    def bare(key: str, value: str) -> str:
        marked = _MARKED.fullmatch(value)
        if marked is None:
            return value
        home = known.get(marked["mark"])
        if home is None:
            _check_known(key, marked["id"], value)
            return value
        if key == ANCHOR:
            wishes.append(home)
        else:
            homes.append((marked["id"], home))
        return marked["id"]

    changed = changed_request(body, bare)
    return Found(changed, _one_home(homes), wishes[-1] if wishes else None)


def changed_request(body: Mapping[str, Any], change: Callable[[str, str], str]) -> dict[str, Any]:
    """A request whose texts that may be ids are changed.

    Args:
        body: The request.
        change: Gives the new text, of the field's name and the old one.
    """
    changed: dict[str, Any] = _walk(dict(body), change, closed=_CLOSED, texts=_TEXTS)
    return changed


def _check_known(key: str, id: str, value: str) -> None:
    if key != ANCHOR and _AN_ID.fullmatch(id):
        raise InvalidRequestError(
            f"{shown(value)} was made on a deployment that is not in model_list: use the router "
            "that made it, or begin anew without it"
        )


def _one_home(homes: list[tuple[str, Deployment]]) -> Deployment | None:
    if not homes:
        return None
    first_id, first = homes[0]
    for id, home in homes[1:]:
        if home.resource != first.resource:
            raise InvalidRequestError(
                f"{shown(first_id)} and {shown(id)} were made on two resources "
                f"({first.id} and {home.id}), and none knows both: a request may hold ids of one"
            )
    return first


def marked(answer: Any, mark: str) -> Any:
    """Put a mark behind each id of an answer.

    Args:
        answer: JSON; it is not changed.
        mark: Of the deployment that made it.
    """
    return changed_answer(answer, lambda _, one: f"{one}~{mark}" if _BARE.fullmatch(one) else one)


def changed_answer(answer: Any, change: Callable[[str, str], str]) -> Any:
    """An answer whose ids are changed.

    Args:
        answer: JSON; it is not changed.
        change: Gives the new id, of the field's name and the old one.
    """

    def changed(key: str, value: str) -> str:
        return change(key, value) if is_id(key) else value

    return _walk(answer, changed, closed=_ECHOES, texts=frozenset())


def is_id(key: str) -> bool:
    """Whether a field holds an id.

    Args:
        key: Its name.
    """
    return key in _IDS or (key.endswith(("_id", "_ids")) and key not in _NO_IDS)


def _walk(
    value: Any,
    change: Callable[[str, str], str],
    *,
    closed: frozenset[str],
    texts: frozenset[str],
    key: str = "",
) -> Any:
    if isinstance(value, str):
        return value if key in texts else change(key, value)
    if isinstance(value, Mapping):
        return {
            name: one
            if name in closed
            else _walk(one, change, closed=closed, texts=texts, key=str(name))
            for name, one in value.items()
        }
    if isinstance(value, list | tuple):
        ones = [_walk(one, change, closed=closed, texts=texts, key=key) for one in value]
        return tuple(ones) if isinstance(value, tuple) else ones  # of an upload: name and content
    return value


def may_hold_ids(body: Mapping[str, Any]) -> bool:
    """Whether a request names something by an id, with or without a mark.

    Args:
        body: The request.
    """
    found = False

    def look(key: str, value: str) -> str:
        nonlocal found
        found = found or is_id(key)
        return value

    _walk(body, look, closed=_CLOSED | {"messages"}, texts=_TEXTS)
    return found
