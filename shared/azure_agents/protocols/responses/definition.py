"""The definition of a v2 agent: its function tools, sampling settings and answer schema.

A v2 agent uses only the functions that its definition declares. So `tools=` of a call is checked
and not sent; a function that the agent does not declare is an error, which lists those it does
declare. What was read of a definition is kept for a few minutes (`Memo`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from ...errors import InvalidRequestError, PermissionDeniedError
from ...jsonio import JSON, dumps
from ..commands import Flow, Send
from ..retry import is_transient
from ..sending import read_object, retrying, send
from ..tools import flat, function_name
from ..turn import Turn
from .parameters import warn_of_other_parameters


def check_tools(turn: Turn) -> Flow[None]:
    """Check that the agent declares every function of the call; warn if parameters differ.

    Raises:
        InvalidRequestError: A function is not declared.
    """
    wanted = {function_name(tool): tool for tool in turn.request.options.get("tools") or ()}
    if (
        not wanted or turn.own_endpoint is not None
    ):  # nothing can be read at an agent's own endpoint
        return
    declared = turn.memo.get("declared tools")
    if declared is None or not wanted.keys() <= declared.keys():
        declared = _functions((yield from read_definition(turn)))
        turn.memo.put("declared tools", declared)
    missing = sorted(wanted.keys() - declared.keys())
    if missing:
        raise InvalidRequestError((yield from _not_declared(turn, missing, sorted(declared))))
    for name, tool in wanted.items():
        if not turn.memo.get(f"compared {name}"):
            turn.memo.put(f"compared {name}", fact=True)
            warn_of_other_parameters(turn.settings.agent.requested, tool, declared[name])


def without_default_sampling(turn: Turn) -> Flow[Turn]:
    """Return the turn without sampling settings of 1, the value of an agent that sets none.

    Many clients send ``temperature=1`` by default, and a v2 agent refuses the option. Any other
    value, and 1 where the agent has another, stays in the turn and is refused later.
    """
    given = [name for name in _SAMPLING if _is_one(turn.request.options.get(name))]
    if not given or turn.own_endpoint is not None:
        return turn
    own = turn.memo.get("sampling")
    if own is None:
        try:
            definition = yield from read_definition(turn)
        except PermissionDeniedError:  # the caller may run the agent but not read it
            return turn
        own = {name: definition.get(name) for name in _SAMPLING}
        turn.memo.put("sampling", own)
    same = [name for name in given if own[name] is None or _is_one(own[name])]
    options = {n: v for n, v in turn.request.options.items() if n not in same}
    return replace(turn, request=replace(turn.request, options=options))


_SAMPLING = ("temperature", "top_p")


def _is_one(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value == 1


def _not_declared(turn: Turn, missing: list[str], declared: list[str]) -> Flow[str]:
    agent = turn.settings.agent
    problem = (
        f"agent {agent.requested!r} does not declare the function tools {missing}: a v2 agent uses "
        f"only the tools of its definition, and it declares {declared}. "
    )
    newer = (yield from _version_with(turn, missing)) if agent.version is not None else None
    if newer is not None:
        return problem + (
            f"Version {newer!r} declares them: pass model='{agent.name}:{newer}', or "
            f"model={agent.name!r} for the newest version"
        )
    return problem + (
        f"Declare them with {_DECLARE[turn.settings.door]} or `azure-agents agents sync` (a new "
        "version of the agent)"
    )


_DECLARE = {
    "client": "`client.declare_tools(tools)`",
    "completion": "`AgentClient(model=…, endpoint=…).declare_tools(tools)` of azure_agents",
    "llm": "`llm.declare_tools(tools)`",
}


def _version_with(turn: Turn, functions: Sequence[str]) -> Flow[str | None]:
    """Return the newest version, if it declares these functions."""
    found = yield from _read_agent(f"/agents/{turn.settings.agent.name}", turn)
    latest = (found.get("versions") or {}).get("latest") or {}
    declared = _functions(latest.get("definition") or {})
    return str(latest["version"]) if set(functions) <= declared.keys() else None


def read_definition(turn: Turn) -> Flow[JSON]:
    """Read the definition of the agent version that the turn addresses."""
    agent = turn.settings.agent
    path = f"/agents/{agent.name}"
    if agent.version is not None:
        path += f"/versions/{agent.version}"
    found = yield from _read_agent(path, turn)
    version = found if agent.version is not None else (found.get("versions") or {}).get("latest")
    return dict((version or {}).get("definition") or {})


def answer_schema(turn: Turn) -> Flow[JSON | None]:
    """Return the JSON schema of answers in the agent's definition, or None.

    A caller who may run the agent but not read it gets None as well. The schema of a classic agent
    does not matter, since a run brings its own.
    """
    if turn.settings.agent.generation != "v2" or turn.own_endpoint is not None:
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


def _read_agent(path: str, turn: Turn) -> Flow[JSON]:
    attempt = partial(send, Send("GET", turn.route(path)), turn, "read the agent")
    return read_object((yield from retrying(attempt, turn, when=is_transient)))


def _functions(definition: Mapping[str, Any]) -> dict[str, JSON]:
    tools: Iterable[JSON] = definition.get("tools") or ()
    return {tool["name"]: tool for tool in tools if tool.get("type") == "function"}


def declare_tools(turn: Turn, tools: Sequence[object]) -> Flow[str]:
    """Create a version of the agent that declares `tools` besides the tools it has.

    A function of the same name is replaced. If the agent declares all of them alike, no version is
    created. If an answer is lost, a second, equal version may be created.

    Returns:
        The version that declares them; "" of a classic agent, which takes tools with every call.
    """
    if turn.settings.agent.generation != "v2":
        flat(tools)  # malformed tools are refused for both generations
        return ""
    name = turn.settings.agent.name
    found = yield from _read_agent(f"/agents/{name}", turn)
    latest = found["versions"]["latest"]
    definition = latest["definition"]
    merged = _merged(definition.get("tools") or [], flat(tools))
    if merged == (definition.get("tools") or []):
        return str(latest["version"])
    body: JSON = {"definition": {**definition, "tools": merged}}
    body |= {key: latest[key] for key in ("description", "metadata") if latest.get(key)}
    request = Send("POST", turn.route(f"/agents/{name}/versions"), dumps(body))
    attempt = partial(send, request, turn, "create an agent version")
    reply = yield from retrying(attempt, turn, when=is_transient)
    turn.memo.put("declared tools", None)
    return str(read_object(reply)["version"])


def _merged(old: list[JSON], new: list[JSON]) -> list[JSON]:
    """Replace old tools by new ones of the same name, in place, and append the rest."""
    by_name = {tool["name"]: tool for tool in new}
    kept = [by_name.pop(tool.get("name") or "", tool) for tool in old]
    return [*kept, *by_name.values()]
