"""What users get is not what we see: the wheel, built and installed where nothing else is."""

from __future__ import annotations

import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from ..covering import ALL

ROOT = Path(__file__).parents[2]
PACKAGES = {"azure_agents", "langchain_azure_agents", "llamaindex_azure_agents"}
SUFFIXES = {
    ".html",
    ".json",
    ".py",
    ".typed",
}  # a new kind of file is a decision; .json: the price table

# adapter: the command that its ImportError must end with
ADVICE = {
    "langchain_azure_agents": 'pip install "azure-agents[langchain]"',
    "llamaindex_azure_agents": 'pip install "azure-agents[llamaindex]"',
}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel as a release would build it, with the build back end of this environment."""
    folder = tmp_path_factory.mktemp("dist")
    _run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), ROOT)
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_holds_the_three_packages_only(wheel: Path) -> None:
    """No test, cassette, notebook or path file gets out; type information does."""
    names = [Path(name) for name in zipfile.ZipFile(wheel).namelist()]
    meta = {name.parts[0] for name in names if name.parts[0].endswith(".dist-info")}
    code = [name for name in names if name.parts[0] not in meta]
    assert 1 == len(meta)
    assert PACKAGES == {name.parts[0] for name in code}
    assert SUFFIXES == {name.suffix for name in code}
    assert {Path(package, "py.typed") for package in PACKAGES} <= set(code)


@pytest.mark.slow
@pytest.mark.skipif(not ALL, reason="make test-all: it installs from the package index")
@pytest.mark.parametrize(
    ("extra", "adapter"),
    [("langchain", "langchain_azure_agents"), ("llamaindex", "llamaindex_azure_agents")],
)
def test_an_adapter_in_an_empty_environment(
    wheel: Path, extra: str, adapter: str, tmp_path: Path
) -> None:
    """Each adapter imports with its extra alone; without it, one sentence says what to install."""
    python = _empty_environment(tmp_path / "venv")
    _install(python, str(wheel))
    assert ADVICE == _advice_given(python, cwd=tmp_path)
    assert [] == _importable(python, "shared", "tests", "cassettes", "notebooks", cwd=tmp_path)

    _install(python, f"{wheel}[{extra}]")
    others = {name: advice for name, advice in ADVICE.items() if name != adapter}
    assert others == _advice_given(python, cwd=tmp_path)


def _empty_environment(folder: Path) -> Path:
    venv.create(folder, with_pip=False)  # our own pip installs into it: seconds saved
    return folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"


def _install(python: Path, requirement: str) -> None:
    pip = (sys.executable, "-m", "pip", "--python", python, "install", "--quiet")
    _run(*pip, "--disable-pip-version-check", requirement)


def _advice_given(python: Path, cwd: Path) -> dict[str, str]:
    """Of every package that does not import: what its error tells the user to run."""
    code = "try:\n    import {}\nexcept ImportError as exc:\n    print(exc)"
    said = {name: _run(python, "-c", code.format(name), cwd=cwd) for name in sorted(PACKAGES)}
    return {
        name: text.strip().split("install it with: ")[-1] for name, text in said.items() if text
    }


def _importable(python: Path, *modules: str, cwd: Path) -> list[str]:
    code = f"from importlib.util import find_spec; print(*filter(find_spec, {modules!r}))"
    return _run(python, "-c", code, cwd=cwd).split()


def _run(*command: str | Path, cwd: Path | None = None) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert 0 == done.returncode, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout
