"""`make newest`: the tables of fields against the newest releases of the frameworks.

They live in an environment of its own under ``.newest/``, which is brought up to date each time. It
fails where a newer version has a type, a field or a parameter that no table names, or where one of
those that are named meets another fate. ``ARGS`` may name versions instead
(``ARGS="langchain-core==1.7.2"``).
"""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
FOLDER = ROOT / ".newest"
FRAMEWORKS = ("langchain-core", "llama-index-core", "openai")
# What the tests themselves need. The package is installed without its bounds on the frameworks.
NEEDED = (
    "httpx-aiohttp",
    "hypothesis",
    "pytest",
    "pytest-asyncio",
    "pytest-benchmark",
    "pytest-socket",
    "pyyaml",
)
OWN = ("azure-identity", "httpx", "pydantic")


def main(arguments: list[str]) -> int:
    """Install, and run the tests; returns the exit code."""
    inside = "Scripts" if sys.platform == "win32" else "bin"
    python = FOLDER / inside / "python"
    if not python.exists():
        venv.create(FOLDER, clear=True, with_pip=False)  # our own pip installs into it
    pip = (sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check")
    install = (*pip, "install", "--quiet", "--upgrade")
    for wanted in ((*(arguments or FRAMEWORKS), *NEEDED, *OWN), ("--no-deps", "--editable", ROOT)):
        subprocess.run((*install, *wanted), check=True)
    versions = (*pip, "list", "--format", "freeze")
    listed = subprocess.run(versions, check=True, capture_output=True, text=True).stdout
    print(*(line for line in listed.splitlines() if line.split("==")[0] in FRAMEWORKS), sep="\n")
    tests = (python, "-m", "pytest", "--quiet", HERE)
    newest = {**os.environ, "AZURE_AGENTS_NEWEST": "1"}
    return subprocess.run(tests, env=newest, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
