"""`azure-agents doctor`: what of a set-up works, what does not, and what to do about it.

The checks go from this machine to the agent. Where one fails, those that need it are left out, so
that the first problem shown is the one to solve. Nothing is changed, and no agent is asked.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import click

from .._version import __version__
from ..errors import AgentNotFoundError, AzureAgentsError, TransportError
from ..naming import near, parse_agent
from ..service_errors.envelopes import error_from_reply
from .connection import connection_options
from .terminal import printable

if TYPE_CHECKING:
    from ..agents.agent import Agent
    from ..agents.checkup import Checkup
    from ..protocols.commands import Reply

GOOD, BAD = True, False
_MARKS = {GOOD: "ok  ", BAD: "FAIL", None: "note"}
_EXTRAS = ("", "langchain", "llamaindex")  # whose packages people install by hand, too
# Of a credential that has nothing to try with: azure-identity's words.
_NOT_THERE = ("unavailable", "not found", "not installed", "to be installed", "not be found")
_SIGN_IN = "run 'az login', or put a key of the resource into AZURE_AI_API_KEY"
_SKEW = 300.0  # seconds: what Entra ID tolerates
_PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")
_AUTHORITIES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE")
_ROLE = "a person needs the role Azure AI User on the project"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report.

    Attributes:
        what: What was looked at.
        is_good: Whether it is as it should be; None: neither good nor bad.
        text: What was found.
        advice: What to do about it.
    """

    what: str
    is_good: bool | None
    text: str
    advice: str = ""

    def __str__(self) -> str:
        line = f"{_MARKS[self.is_good]}  {self.what}: {self.text}"
        return printable(line + (f"\n      -> {self.advice}" if self.advice else ""))


@click.command(short_help="Find what is wrong with the set-up.")
@click.argument("model", required=False)
@connection_options()
def doctor(*, model: str | None, **connection: Any) -> int:
    """Check the set-up step by step: packages, endpoint, sign-in, network, role, agent, clock.

    MODEL is an agent (default: AZURE_AI_AGENT). Exit code 1 says that something is wrong.
    """
    is_well = True
    for finding in findings(model or os.environ.get("AZURE_AI_AGENT"), connection):
        click.echo(str(finding))
        is_well = is_well and finding.is_good is not False
    return 0 if is_well else 1


def findings(model: str | None, connection: dict[str, Any]) -> Iterator[Finding]:
    """Look at everything, in order, as far as it can be looked at.

    Args:
        model: The agent, if one is meant.
        connection: The values of `connection_options`.
    """
    from ..agents.checkup import Checkup

    yield from packages()
    yield from _surroundings()
    try:
        checkup = Checkup(**connection)
    except AzureAgentsError as error:
        yield Finding("endpoint", BAD, error.message)
        return
    with closing(checkup):
        yield Finding("endpoint", GOOD, checkup.settings.endpoint.url)
        yield from _at_the_project(checkup, model)


def packages() -> Iterator[Finding]:
    """Compare what is installed with what this version needs."""
    told = f"azure-agents {__version__}, Python {platform.python_version()}"
    yield Finding("packages", GOOD, told)
    try:
        from packaging.requirements import Requirement
    except ImportError:
        return  # nothing that needs it is installed either
    for line in importlib.metadata.requires("azure-agents") or ():
        need = Requirement(line)
        if not any(need.marker is None or need.marker.evaluate({"extra": e}) for e in _EXTRAS):
            continue
        try:
            found = importlib.metadata.version(need.name)
        except importlib.metadata.PackageNotFoundError:
            continue
        if found not in need.specifier:
            text = f"{need.name} {found} is installed; {need.name}{need.specifier} is needed"
            advice = f'pip install "{need.name}{need.specifier}"'
            yield Finding("packages", BAD, text, advice)


def _surroundings() -> Iterator[Finding]:
    set_ones = [name for name in _PROXIES if os.environ.get(name) or os.environ.get(name.lower())]
    if set_ones:
        text = f"{' and '.join(set_ones)} set: requests go through a proxy"
        yield Finding("proxy", None, text, "NO_PROXY names hosts that are reached without it")
    authorities = [name for name in _AUTHORITIES if os.environ.get(name)]
    if authorities:
        yield Finding("certificates", None, f"{' and '.join(authorities)} set")


def _at_the_project(checkup: Checkup, model: str | None) -> Iterator[Finding]:
    credential = checkup.credential
    told = ", for the scope ".join(v for v in (credential["kind"], credential["scope"]) if v)
    try:
        claims = checkup.sign_in()
    except AzureAgentsError as error:
        yield Finding("sign-in", BAD, f"{told}: {error.message}", _cause(error))
        return
    yield Finding("sign-in", GOOD, told + _claimed(claims))
    try:
        reply = checkup.reach()
    except TransportError as error:
        yield Finding("network", BAD, error.message, _network_advice())
        return
    yield from _clock(reply)
    yield from _access(reply, claims)
    if reply.status == 200:
        yield from _agent(checkup, model)


def _cause(error: AzureAgentsError) -> str:
    """What the credential said; of a chain of them, those that had something to sign in with."""
    first, *each = str(error.__cause__ or "").strip().splitlines() or [""]
    if not first.startswith("DefaultAzureCredential failed"):
        return first[:300]
    told = (line.strip() for line in each if line.startswith("\t"))
    tried = [line[:300] for line in told if not any(word in line for word in _NOT_THERE)]
    return "; ".join(tried[:3]) or _SIGN_IN


def _claimed(claims: dict[str, Any]) -> str:
    names = {"tid": "tenant", "aud": "audience", "appid": "application", "azp": "application"}
    told = [f"{label} {claims[name]}" for name, label in names.items() if claims.get(name)]
    return f" ({', '.join(dict.fromkeys(told))})" if told else ""


def _network_advice() -> str:
    if any(os.environ.get(name) or os.environ.get(name.lower()) for name in _PROXIES):
        return "check the proxy, or put the host into NO_PROXY"
    return (
        "check the name of the resource in the endpoint, the firewall, and whether the resource "
        "takes public traffic (a private endpoint needs its network's DNS)"
    )


def _clock(reply: Reply) -> Iterator[Finding]:
    try:
        there = parsedate_to_datetime(reply.headers["date"]).timestamp()
    except (KeyError, ValueError):
        return
    ahead = time.time() - there
    if abs(ahead) > _SKEW:
        way = "ahead of" if ahead > 0 else "behind"
        text = f"this machine is {abs(ahead) / 60:.0f} minutes {way} the service"
        yield Finding("clock", BAD, text, "set the clock: tokens are refused")


def _access(reply: Reply, claims: dict[str, Any]) -> Iterator[Finding]:
    if reply.status == 200:
        yield Finding("project", GOOD, "reached, and its agents may be read")
        return
    error = error_from_reply(reply.status, reply.headers, reply.body, doing="read the agents")
    yield Finding("project", BAD, str(error), _access_advice(reply.status, claims))


def _access_advice(status: int, claims: dict[str, Any]) -> str:
    if status == 401 and claims.get("tid"):
        return (
            f"the token is of tenant {claims['tid']}: if the project is in another one, sign in "
            "there (az login --tenant …, or AZURE_TENANT_ID)"
        )
    if status == 403:
        who = claims.get("oid")
        return f"{_ROLE}{f' (object id {who})' if who else ''}; a new role takes minutes"
    if status == 404:
        return "check the project's name in the endpoint: …/api/projects/<project>"
    return ""


def _agent(checkup: Checkup, model: str | None) -> Iterator[Finding]:
    if not model:
        names = checkup.names()
        shown = ", ".join(names[:10]) or "none: azure-agents agents create makes one"
        yield Finding("agents", None, shown)
        return
    try:
        yield Finding("agent", GOOD, _told(checkup.agent(model)))
    except AgentNotFoundError as error:
        yield Finding("agent", BAD, error.message, _others(checkup, model))
    except AzureAgentsError as error:
        yield Finding("agent", BAD, str(error))


def _told(agent: Agent) -> str:
    tools = ", ".join(str(tool.get("type")) for tool in agent.tools)
    return f"{agent.id} uses {agent.model or 'no model'}{f', with {tools}' if tools else ''}"


def _others(checkup: Checkup, model: str) -> str:
    names = checkup.names()
    wanted = parse_agent(model).name
    hint = near(wanted, [name.partition(":")[0] for name in names]).removeprefix(": ")
    return hint or f"the project has {', '.join(names[:10]) or 'no agents'}"
