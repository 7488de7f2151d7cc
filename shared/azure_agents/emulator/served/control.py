"""Control of a served emulator over HTTP, under ``/_emulator``: no path of the service.

It serves people, and tests in other languages. Programs on this machine may use it, web pages may
not: a request with an `Origin`, or to a name that is no loopback one, is answered as if there were
no control.
"""

from __future__ import annotations

import dataclasses
import ipaddress
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from ... import jsonio
from ...errors import ConfigError, ProtocolError
from ..agent.scripts import read_rules, read_script
from ..trouble.faults import Fault

if TYPE_CHECKING:
    from ..project import Project

ROOT = "/_emulator"
Answer: TypeAlias = tuple[int, Any]
_Handler: TypeAlias = Callable[["Project", Any], Any]


def is_allowed(client: str, headers: Mapping[str, str]) -> bool:
    """Whether a request comes from a program on this machine, and names it by a loopback name."""
    host = headers.get("host", "").rpartition(":")[0] or headers.get("host", "")
    return _is_loopback(client) and _is_loopback(host.strip("[]")) and "origin" not in headers


def _is_loopback(name: str) -> bool:
    try:
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def control(
    project: Project, method: str, path: str, query: Mapping[str, str], body: bytes
) -> Answer:
    """Perform one request; its handler gets the JSON body, or the query if there is none."""
    inside = path.removeprefix(ROOT).strip("/")
    handler = _ROUTES.get((method, inside))
    if handler is None:
        routes = ", ".join(f"{method} {ROOT}/{place}".rstrip("/") for method, place in _ROUTES)
        return 404, {"error": f"no {method} {path}; there are: {routes}"}
    try:
        return 200, handler(project, jsonio.loads(body) if body else query)
    except (ConfigError, LookupError, ProtocolError, TypeError, ValueError) as exc:
        return 400, {"error": str(exc)}
    except Exception as exc:  # noqa: BLE001 - the server outlives every request
        project.errors.append(exc)
        return 500, {"error": repr(exc)}


def _overview(project: Project, _: Any) -> Any:
    return {
        "agents": [
            {"name": agent.name, "model": agent.model, "generation": agent.generation}
            for agent in project.agents
        ],
        "weather": project.weather.now(),
        "requests": len(project.requests),
        "seen": len(project.seen),
        "routes": [f"{method} {ROOT}/{place}".rstrip("/") for method, place in _ROUTES],
    }


def _change_weather(project: Project, body: Any) -> Any:
    project.weather.change(**_mapping(body))
    return project.weather.now()


def _calm_weather(project: Project, _: Any) -> Any:
    project.weather.calm()
    return project.weather.now()


def _token(project: Project, query: Any) -> Any:
    """Issue a token in the form of App Service, where `DefaultAzureCredential` asks for one."""
    resource = str(query.get("resource", ""))
    token = project.gate.issue((f"{resource.removesuffix('/')}/.default",))
    return {
        "access_token": token.token,
        "expires_on": str(token.expires_on),
        "resource": resource,
        "token_type": "Bearer",
    }


def _requests(project: Project, _: Any) -> Any:
    return [dataclasses.asdict(request) for request in project.requests if _is_plain(request.body)]


def _is_plain(body: Any) -> bool:
    return not isinstance(body, bytes)


def _seen(project: Project, _: Any) -> Any:
    hidden = {"library", "tools"}
    return [
        {
            field.name: _plain(getattr(turn, field.name))
            for field in dataclasses.fields(turn)
            if field.name not in hidden
        }
        for turn in project.seen
    ]


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return _plain(value._asdict())
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    return {key: _plain(one) for key, one in value.items()} if isinstance(value, dict) else value


def _forget(project: Project, body: Any) -> Any:
    project.forget(*map(str, _mapping(body).get("ids") or ()))
    return {}


def _clear(project: Project, _: Any) -> Any:
    project.requests.clear()
    project.seen.clear()
    return {}


def _plan_fault(project: Project, body: Any) -> Any:
    fields = _mapping(body)
    if "name" in fields:
        project.faults.plan(fields.pop("name"), **fields)
    else:
        project.faults.add(Fault(**fields))
    return {}


def _clear_faults(project: Project, _: Any) -> Any:
    project.faults.clear()
    return {}


def _set_reply(project: Project, body: Any) -> Any:
    """Give an agent a new script: `reply`, or `replies` with rules."""
    fields = _mapping(body)
    rules = "replies" in fields
    script = read_rules(fields["replies"]) if rules else read_script(fields.get("reply"))
    project.agent(str(fields.get("agent"))).script(script)
    return {}


def _mapping(body: Any) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise TypeError(f"expected a JSON object, got {body!r}")
    return body


_ROUTES: dict[tuple[str, str], _Handler] = {
    ("GET", ""): _overview,
    ("GET", "weather"): lambda project, _: project.weather.now(),
    ("PATCH", "weather"): _change_weather,
    ("DELETE", "weather"): _calm_weather,
    ("GET", "requests"): _requests,
    ("GET", "token"): _token,
    ("GET", "seen"): _seen,
    ("DELETE", "seen"): _clear,
    ("POST", "forget"): _forget,
    ("POST", "faults"): _plan_fault,
    ("DELETE", "faults"): _clear_faults,
    ("PUT", "reply"): _set_reply,
}
