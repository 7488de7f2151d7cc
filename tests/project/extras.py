"""`make extras`: each extra of the wheel alone, in an empty environment, on every Python there is.

Slow (it installs from the package index, some minutes for each Python), so it is a target of its
own, to be run before a release. An extra without a line in `CHECKS` is a mistake.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
VERSIONS = ("3.11", "3.12", "3.13", "3.14")
# What must work with an extra and nothing else; "" is the wheel without any.
CHECKS = {
    "": "from azure_agents import AgentClient, Router, completion; import azure_agents.cli.main",
    "langchain": "from langchain_azure_agents import ChatAzureAgent",
    "llamaindex": "from llamaindex_azure_agents import AzureAgentLLM",
    "langchain-openai": (
        "from langchain_azure_agents import init_azure_chat_model as m; "
        "m('azure/d', api_key='k', api_base='https://r.openai.azure.com')"
    ),
    "langchain-anthropic": (
        "from langchain_azure_agents import init_azure_chat_model as m; "
        "m('azure_ai/claude-x', api_key='k', api_base='https://r.services.ai.azure.com')"
    ),
    "llamaindex-openai": (
        "from llamaindex_azure_agents import init_azure_llm as m; "
        "m('azure/gpt-4o', api_key='k', api_base='https://r.openai.azure.com')"
    ),
    "llamaindex-anthropic": "from llamaindex_azure_agents import ClaudeInFoundry",
    "emulator": (
        "from azure_agents.emulator import Emulator\n"
        "with Emulator().serve() as server: assert server.endpoint"
    ),
    "redis": "from azure_agents import RedisThreadStore; RedisThreadStore('redis://localhost')",
    "gateway": "import azure_agents.gateway.server",
    "otel": "import opentelemetry.sdk.trace",
    "bulk": "from azure_agents import bulk",
    "ray": "import ray.data; from azure_agents.bulk import AskRows",
}


def pythons() -> list[str]:
    """Those that ``PYTHONS`` names (paths, with spaces between), else those on the path."""
    named = os.environ.get("PYTHONS", "").split()
    return named or [found for v in VERSIONS if (found := shutil.which(f"python{v}"))]


def extras() -> list[str]:
    """Those of the project, but for that of developers; first none."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return ["", *(name for name in project["optional-dependencies"] if name != "dev")]


def build(folder: Path) -> Path:
    """The wheel as a release would build it."""
    command = (sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT)
    subprocess.run(command, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


def try_extra(python: str, wheel: Path, extra: str, folder: Path) -> str:
    """What went wrong; "" if nothing did."""
    if extra not in CHECKS:
        return "has no line in CHECKS"
    place = folder / f"venv-{extra or 'none'}"
    bin = place / ("Scripts" if sys.platform == "win32" else "bin")
    named = f"{wheel}[{extra}]" if extra else str(wheel)
    steps = (
        (python, "-m", "venv", place),
        (bin / "python", "-m", "pip", "install", "--quiet", named),
        (bin / "python", "-W", "error::SyntaxWarning", "-c", CHECKS[extra]),
    )
    try:
        for step in steps:
            done = subprocess.run(step, capture_output=True, text=True, check=False)
            if done.returncode:
                return (done.stderr or done.stdout).strip().splitlines()[-1]
    finally:
        shutil.rmtree(place, ignore_errors=True)
    return ""


def main() -> int:
    """Try them all; the exit code is 1 if one did not work."""
    wrong = 0
    with tempfile.TemporaryDirectory() as name:
        wheel = build(Path(name))
        for python in pythons():
            sys.stdout.write(f"{python}\n")
            for extra in extras():
                problem = try_extra(python, wheel, extra, Path(name))
                wrong += bool(problem)
                sys.stdout.write(f"  {extra or '(none)':22} {problem or 'ok'}\n")
                sys.stdout.flush()
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
