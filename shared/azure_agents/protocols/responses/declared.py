"""Function tools of a v2 agent are declared in its definition; a call can only use them.

`tools=` of a call is therefore checked and not sent: a function the agent does not declare is an
error that lists what it does. The declaration is read once and remembered for a few minutes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from ...commands import Flow, Send
from ...errors import InvalidRequestError, PermissionDeniedError
from ...jsonio import JSON, dumps
from ...retry import may_pass
from ..steps import read_object, retrying, send
from ..tools import flat, function_name
from ..turn import Turn

API_VERSION = (("api-version", "v1"),)


def check_tools(turn: Turn) -> Flow[None]:
    """See that the agent declares every function of the call.

    Raises:
        InvalidRequestError: It does not.
    """
    wanted = {function_name(tool) for tool in turn.request.options.get("tools") or ()}
    if turn.own is not None:  # nothing can be read there, and a hosted agent's are in its code
        return
    if not wanted or wanted <= set(turn.memo.get("declared tools") or ()):
        return
    definition = yield from read_definition(turn)
    declared = _functions(definition)
    turn.memo.put("declared tools", tuple(declared))
    missing = sorted(wanted - set(declared))
    if missing:
        raise InvalidRequestError(_not_declared(turn.settings.agent.requested, missing, declared))


def _not_declared(agent: str, missing: list[str], declared: list[str]) -> str:
    return (
        f"agent {agent!r} does not declare the function tools {missing}: a v2 agent uses only the "
        f"tools of its definition, and it declares {sorted(declared)}. Declare them with "
        "`azure-agents agents sync` or `AgentClient.declare_tools` (a new version of the agent)"
    )


def read_definition(turn: Turn) -> Flow[JSON]:
    """The definition of the agent version that the turn addresses."""
    agent = turn.settings.agent
    path = f"/agents/{agent.name}"
    if agent.version is not None:
        path += f"/versions/{agent.version}"
    found = yield from _get(path, turn)
    version = found if agent.version is not None else (found.get("versions") or {}).get("latest")
    return dict((version or {}).get("definition") or {})


def answer_schema(turn: Turn) -> Flow[JSON | None]:
    """The JSON schema that the agent's definition puts on its answers, if it has one.

    Who may run an agent but not read it gets None, as of an agent without a schema. A classic
    agent's does not matter: a run brings its own.
    """
    if turn.settings.agent.generation != "v2" or turn.own is not None:
        return None
    known = turn.memo.get("answer schema")
    if known is None:
        try:
            definition = yield from read_definition(turn)
        except PermissionDeniedError:
            definition = {}
        known = (_schema_of(definition),)
        turn.memo.put("answer schema", known)
    return known[0]  # type: ignore[no-any-return]


def _schema_of(definition: Mapping[str, Any]) -> JSON | None:
    format = (definition.get("text") or {}).get("format") or {}
    return dict(format.get("schema") or {}) if format.get("type") == "json_schema" else None


def _get(path: str, turn: Turn) -> Flow[JSON]:
    attempt = partial(send, Send("GET", path, query=API_VERSION), turn, "read the agent")
    return read_object((yield from retrying(attempt, turn, when=may_pass)))


def _functions(definition: Mapping[str, Any]) -> list[str]:
    tools: Iterable[JSON] = definition.get("tools") or ()
    return [tool["name"] for tool in tools if tool.get("type") == "function"]


def declare_tools(turn: Turn, tools: Sequence[object]) -> Flow[str]:
    """Make a version of the agent that declares `tools`, next to the tools it has.

    A function of the same name is replaced. An agent that declares them all alike stays as it is.
    Made twice by a lost answer, the second version is the same as the first.

    Returns:
        The version that declares them.
    """
    if turn.settings.agent.generation != "v2":
        raise InvalidRequestError(
            "a classic agent takes tools= with every call: nothing to declare"
        )
    name = turn.settings.agent.name
    found = yield from _get(f"/agents/{name}", turn)
    latest = found["versions"]["latest"]
    definition = latest["definition"]
    merged = _merged(definition.get("tools") or [], flat(tools))
    if merged == (definition.get("tools") or []):
        return str(latest["version"])
    body: JSON = {"definition": {**definition, "tools": merged}}
    body |= {key: latest[key] for key in ("description", "metadata") if latest.get(key)}
    path = f"/agents/{name}/versions"
    request = Send("POST", path, dumps(body), query=API_VERSION)
    attempt = partial(send, request, turn, "create an agent version")
    reply = yield from retrying(attempt, turn, when=may_pass)
    turn.memo.put("declared tools", None)
    return str(read_object(reply)["version"])


def _merged(old: list[JSON], new: list[JSON]) -> list[JSON]:
    """The old tools, those of the same name replaced in place, and the rest of the new ones."""
    by_name = {tool["name"]: tool for tool in new}
    kept = [by_name.pop(tool.get("name") or "", tool) for tool in old]
    return [*kept, *by_name.values()]
