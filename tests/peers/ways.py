"""Who is tried: the columns of the table, and the environments that they run in."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.oracles.run import ORACLES, Oracle, _install

HERE = Path(__file__).parent

_BY_FOLDER = {oracle.folder: oracle for oracle in ORACLES}
# The oracle's environment, and what its documentation says to add for the asynchronous client.
_AGENTS = Oracle("azure-ai-agents", "agents-async", "", ("azure-ai-agents>=1.1,<2", "aiohttp"))
_LITELLM = Oracle("litellm", "litellm-newest", "", ("litellm>=1.100,<2",))


@dataclass(frozen=True, slots=True)
class Way:
    """A client in one of the ways to use it.

    Attributes:
        name: For the command line.
        title: For the table.
        group: The table that it stands in.
        usage: How it is used, in Markdown.
        script: What runs it, in its environment.
        packages: Whose versions are told.
        oracle: Its environment; None for our own.
        alone: Packages to install without what they require, over what `oracle` has.
        options: For the script.
    """

    name: str
    title: str
    group: str
    usage: str
    script: str
    packages: tuple[str, ...]
    oracle: Oracle | None = None
    alone: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return Path(sys.executable) if self.oracle is None else self.oracle.python

    @property
    def is_ours(self) -> bool:
        """Whether it is this project's."""
        return self.oracle is None

    @property
    def generation(self) -> str:
        """``"classic"`` or ``"v2"``."""
        return "classic" if self.group == CLASSIC else "v2"


CLASSIC = "Classic agents: threads and runs"
CONVERSATION = "v2 agents: a conversation"
CHAIN = "v2 agents: a chain of responses, or the whole history in each call"
_OURS = ("azure-agents", "langchain-core")
_PROJECTS = ("azure-ai-projects", "openai")


_OPENAI_USAGE = {
    "conversation": "`get_openai_client()` of azure-ai-projects: `conversations.create` with the "
    "first message, `conversations.items.create` with each other one, `responses.create`; as its "
    "basic agent sample",
    "chain": "`get_openai_client()` of azure-ai-projects: `responses.create`, continued with "
    "`previous_response_id=`; as its README",
}
_LITELLM_USAGE = {
    "classic": "`completion()`, streamed `acompletion(stream=True)`, continued with `thread_id=` "
    "and the new message; as its page on these agents",
    "v2": "`completion()`, streamed `acompletion(stream=True)`, all messages in each call; as any "
    "chat completion",
}


def _openai(version: int, group: str, way: str) -> Way:
    return Way(
        f"openai-{version}-{way}",
        f"openai {version}",
        group,
        _OPENAI_USAGE[way],
        "peer_openai.py",
        _PROJECTS,
        _BY_FOLDER[f"openai-{version}"],
        options={"way": way},
    )


def _ours(group: str, threads: str, name: str) -> Way:
    options = {"threads": threads}
    usage = f'`ChatAzureAgent(threads="{threads}")`, all messages in each call'
    return Way(f"ours-{name}", "azure-agents", group, usage, "peer_ours.py", _OURS, options=options)


def _litellm(group: str, name: str) -> Way:
    # Newer ones want a newer certifi than some indexes have. Its certificates play no part here.
    alone = ("litellm>=1.109,<2",)
    return Way(
        f"litellm-{name}",
        "LiteLLM",
        group,
        _LITELLM_USAGE[name],
        "peer_litellm.py",
        ("litellm",),
        _LITELLM,
        alone,
        options={"way": name},
    )


WAYS: tuple[Way, ...] = (
    _ours(CLASSIC, "auto", "classic"),
    Way(
        "azure-ai-agents",
        "azure-ai-agents",
        CLASSIC,
        "`threads.create`, `messages.create`, `runs.create_and_process`, streamed `runs.stream`; "
        "as its README",
        "peer_agents.py",
        ("azure-ai-agents", "azure-core"),
        _AGENTS,
    ),
    _litellm(CLASSIC, "classic"),
    _ours(CONVERSATION, "conversation", "conversation"),
    _openai(2, CONVERSATION, "conversation"),
    _openai(3, CONVERSATION, "conversation"),
    Way(
        "langchain-azure-ai",
        "langchain-azure-ai",
        CONVERSATION,
        "`AgentServiceFactory.create_prompt_agent` with a checkpointer, `invoke` and `stream`; as "
        "its docstrings",
        "peer_langchain.py",
        ("langchain-azure-ai", *_PROJECTS),
        _BY_FOLDER["langchain"],
    ),
    _ours(CHAIN, "auto", "chain"),
    _openai(2, CHAIN, "chain"),
    _openai(3, CHAIN, "chain"),
    _litellm(CHAIN, "v2"),
)
OURS = tuple(way for way in WAYS if way.is_ours)


def prepare(way: Way) -> str:
    """Make its environment, unless it is there; returns what went wrong."""
    oracle = way.oracle
    if oracle is None:
        return ""
    error = _install(oracle)
    stamp = oracle.python.parents[1] / "alone.txt"
    wanted = "\n".join(way.alone)
    if error or not way.alone or (stamp.exists() and stamp.read_text() == wanted):
        return error
    pip = (sys.executable, "-m", "pip", "--python", oracle.python, "--disable-pip-version-check")
    install = ("install", "--quiet", "--no-deps", *way.alone)
    done = subprocess.run([*pip, *install], capture_output=True, text=True, check=False)
    if done.returncode:
        return f"pip {' '.join(install)}\n{done.stderr}"
    stamp.write_text(wanted)
    return ""


def versions(way: Way) -> dict[str, str]:
    """What is installed of its packages."""
    code = (
        "import importlib.metadata as m, sys\n"
        "print(*(f'{name} {m.version(name)}' for name in sys.argv[1:]), sep='\\n')"
    )
    command = [way.python, "-c", code, *way.packages]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return dict(line.split(" ", 1) for line in done.stdout.splitlines())
