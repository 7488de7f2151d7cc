"""Run other people's SDKs, unmodified, against the served emulator: `make oracles`.

The SDKs exclude each other, so each oracle has a virtual environment of its own under `.oracles/`,
made once and kept; delete the folder to get newer versions. The emulator is served over TLS with
a certificate of its own, because some clients send no token over plain http.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
import tomllib
import venv
from collections import Counter, defaultdict
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from azure_agents.emulator import Emulator, RealClock, Rules

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT))  # run as a script, and imported by tests/peers
from tests.oracles.deployments import deploy_all  # noqa: E402 - as above
from tests.oracles.gateway import gateway_to  # noqa: E402 - as above

FOLDER = ROOT / ".oracles"
_LOCKS: dict[str, threading.Lock] = defaultdict(threading.Lock)
AT_ONCE = 2  # installing keeps a core busy


@dataclass(frozen=True, slots=True)
class Oracle:
    """A client of the service.

    Attributes:
        folder: Its environment, which oracles with the same requirements share.
        checks: The script that runs it.
        requirements: What to install: ranges, so that new versions are noticed.
        extras: Extras of this project to install, for checks that run its own tests.
        tools: What else these need; its versions are not shown.
        is_strict: Whether every answer must be of the SDK's types. Recorded answers of the service
            are not in a few places, so it is told to be as the types say (`Rules.era`).
        asks_gateway: It asks a gateway in front of the service, by plain http.
    """

    name: str
    folder: str
    checks: str
    requirements: tuple[str, ...]
    is_strict: bool = False
    extras: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    asks_gateway: bool = False

    @property
    def python(self) -> Path:
        """Its interpreter."""
        inside = "Scripts" if sys.platform == "win32" else "bin"
        return FOLDER / self.folder / inside / "python"


_LANGCHAIN = ("langchain-azure-ai[opentelemetry]>=1.2,<2",)  # its agents import tracing
_OPENAI_2 = ("azure-ai-projects>=2,<3", "openai>=2,<3")
_OPENAI_3 = ("azure-ai-projects>=2.10,<3", "openai>=3,<4")
_LIKE = ("llama-index-llms-openai-like>=0.5,<1", "llama-index-core>=0.14,<1")
_ANTHROPIC_0 = ("anthropic>=0.75,<1",)
_ANTHROPIC_2 = ("anthropic>=2,<3",)
# The factories' own tests and LangChain's standard suites, in the two environments that hold the
# SDKs of users: no single one holds everything.
_SUITES = (
    "hypothesis>=6.100",
    "langchain-tests>=1.1.9,<2",
    "pytest-asyncio>=1.3,<2",
    "pytest-socket>=0.7",
    "pytest-xdist>=3.6",  # of whose hooks tests/conftest.py has one
    "pytest>=9,<10",
)
_LANGCHAIN_EXTRAS = ("emulator", "langchain-anthropic", "langchain-openai")
FACTORIES = (
    Oracle(
        "factories A",
        "factories-a",
        "check_factories.py",
        ("openai>=2,<3", "anthropic<1"),
        extras=(*_LANGCHAIN_EXTRAS, "llamaindex-anthropic", "llamaindex-openai"),
        tools=_SUITES,
    ),
    Oracle(
        "factories B",
        "factories-b",
        "check_factories.py",
        ("openai>=3,<4", "anthropic>=2,<3"),
        extras=(*_LANGCHAIN_EXTRAS, "llamaindex-anthropic"),
        tools=_SUITES,
    ),
)
ORACLES = (
    # The longest to install first.
    *FACTORIES,
    Oracle("langchain-azure-ai", "langchain", "check_langchain.py", _LANGCHAIN),
    Oracle("litellm", "litellm", "check_litellm.py", ("litellm>=1.100,<2",)),
    Oracle("openai 2", "openai-2", "check_openai.py", _OPENAI_2),
    Oracle("openai 2, strict", "openai-2", "check_openai.py", _OPENAI_2, is_strict=True),
    Oracle("openai 3", "openai-3", "check_openai.py", _OPENAI_3),
    Oracle("openai 3, strict", "openai-3", "check_openai.py", _OPENAI_3, is_strict=True),
    Oracle("openai 2, models", "openai-2", "check_deployments.py", _OPENAI_2, is_strict=True),
    Oracle("openai 3, models", "openai-3", "check_deployments.py", _OPENAI_3, is_strict=True),
    Oracle("anthropic 0", "anthropic-0", "check_anthropic.py", _ANTHROPIC_0, is_strict=True),
    Oracle("anthropic 2", "anthropic-2", "check_anthropic.py", _ANTHROPIC_2, is_strict=True),
    Oracle(
        "any-llm",
        "any-llm",
        "check_any_llm.py",
        ("any-llm-sdk>=1.40,<2", "anthropic>=0.75,<1"),
        extras=("emulator",),
    ),
    *(
        Oracle(
            f"{name}, gateway",
            name.replace(" ", "-"),
            f"check_gateway_{sdk}.py",
            of,
            asks_gateway=True,
        )
        for name, sdk, of in (
            ("openai 2", "openai", _OPENAI_2),
            ("openai 3", "openai", _OPENAI_3),
            ("anthropic 0", "anthropic", _ANTHROPIC_0),
            ("anthropic 2", "anthropic", _ANTHROPIC_2),
            ("llamaindex", "llamaindex", _LIKE),
        )
    ),
    Oracle("azure-ai-agents", "agents", "check_agents.py", ("azure-ai-agents>=1.1,<2",)),
    Oracle(
        "kubernetes",
        "kubernetes",
        "check_kubernetes.py",
        ("kubernetes-validate>=1.37,<2", "pyyaml>=6,<7"),
    ),
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an oracle went.

    Attributes:
        failed: Name and error of every check that failed.
        skipped: How many checks were left out, by their reasons.
    """

    oracle: Oracle
    versions: str
    passed: int
    failed: tuple[str, ...]
    seconds: float
    skipped: Mapping[str, int] = field(default_factory=dict)


def main(names: list[str]) -> int:
    """Run the named oracles, or all, and print a table."""
    chosen = [oracle for oracle in ORACLES if not names or oracle.folder in names]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        outcomes = list(pool.map(_run, chosen))
    print(f"{'oracle':20} {'passed':>6} {'failed':>6} {'seconds':>8}  versions")
    for one in outcomes:
        counts = f"{one.passed:6} {len(one.failed):6} {one.seconds:8.1f}"
        print(f"{one.oracle.name:20} {counts}  {one.versions}")
    for one in outcomes:
        for reason, count in sorted(one.skipped.items()):
            print(f"{one.oracle.name}: {count} left out: {reason}")
    for one in outcomes:
        for failure in one.failed:
            print(f"\n{one.oracle.name}: {failure}")
    return int(any(one.failed or not one.passed for one in outcomes))


def _run(oracle: Oracle) -> Outcome:
    began = time.monotonic()
    with _LOCKS[oracle.folder]:  # the second of two that share an environment waits for the first
        error = _install(oracle)
    if error:
        return Outcome(oracle, "not installed", 0, (error,), time.monotonic() - began)
    with tempfile.TemporaryDirectory() as folder:
        rules = Rules(era="sdk" if oracle.is_strict else "ga")
        foundry = Emulator(clock=RealClock(), rules=rules)
        foundry.load(HERE / "agents.yaml")
        deploy_all(foundry)
        behind = gateway_to(foundry) if oracle.asks_gateway else nullcontext("")
        with foundry.serve(tls=Path(folder)) as served, behind as gateway:
            settings = {
                "ORACLE_ENDPOINT": gateway or served.endpoint,
                "ORACLE_CONTROL": served.control,
                "ORACLE_STRICT": "1" if oracle.is_strict else "",
            }
            environment = os.environ | served.environment | settings
            done = _call(oracle.python, HERE / oracle.checks, environment=environment)
    return _read(oracle, done, time.monotonic() - began)


def _read(oracle: Oracle, done: subprocess.CompletedProcess[str], seconds: float) -> Outcome:
    """Checks report one JSON object a line; anything else is the SDK talking."""
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"check"')]
    failed = [f"{line['check']}\n{line['error']}" for line in lines if line["error"]]
    if done.returncode and not failed:
        failed = [f"{oracle.checks} ended with {done.returncode}\n{done.stderr}"]
    skipped = Counter(line["skipped"] for line in lines if line.get("skipped"))
    passed = len(lines) - len(failed) - skipped.total() if lines else 0
    return Outcome(oracle, _versions(oracle), passed, tuple(failed), seconds, skipped)


def _versions(oracle: Oracle) -> str:
    names = [re.split(r"[\[<>]", requirement)[0] for requirement in oracle.requirements]
    code = (
        "import importlib.metadata as m, sys\n"
        "print(*(f'{name} {m.version(name)}' for name in sys.argv[1:]), sep=', ')"
    )
    return _call(oracle.python, "-c", code, *names).stdout.strip()


def _install(oracle: Oracle) -> str:
    """Make the environment, unless it is there; returns what went wrong."""
    folder, packages = FOLDER / oracle.folder, [*oracle.requirements, *oracle.tools]
    if oracle.extras:
        packages += ["--editable", f"{ROOT}[{','.join(oracle.extras)}]"]
    wanted = "\n".join([*packages, *_ranges(oracle.extras)])
    stamp = folder / "installed.txt"
    if stamp.exists() and stamp.read_text() == wanted:
        return ""
    venv.create(folder, clear=True, with_pip=False)  # our own pip installs into it
    pip = ("-m", "pip", "--python", oracle.python, "--disable-pip-version-check")
    done = _call(sys.executable, *pip, "install", "--quiet", *packages)
    if done.returncode:
        return f"pip install {' '.join(packages)}\n{done.stderr}"
    stamp.write_text(wanted)
    return ""


def _ranges(extras: tuple[str, ...]) -> list[str]:
    """What the extras stand for: a change of it makes the environment anew."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return [line for name in extras for line in project["optional-dependencies"][name]]


def _call(
    *command: str | Path, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=900
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
