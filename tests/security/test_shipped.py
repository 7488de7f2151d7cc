"""What a release holds, and what building and installing it runs: allow-lists of every file."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import tarfile
import zipfile
from base64 import urlsafe_b64encode
from configparser import ConfigParser
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from .sbom import ROOT as NAME
from .test_supply_chain import PACKAGES, PROJECT, ROOT


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel and a source distribution, as a release makes them."""
    folder = tmp_path_factory.mktemp("dist")
    _build(folder)
    return folder


def _build(folder: Path) -> None:
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert 0 == done.returncode, done.stdout + done.stderr


# All that a wheel may hold: modules and type markers of three packages, and what pip must know.
MODULE = r"(?:[a-z_][a-z0-9_]*/)*[a-z_][a-z0-9_]*\.py"
WHEEL = re.compile(
    rf"(?:azure_agents|langchain_azure_agents|llamaindex_azure_agents)/(?:{MODULE}|py\.typed)"
    r"|azure_agents/prices/azure_prices\.json"
    r"|azure_agents/gateway/page/status\.html"
    r"|azure_agents-[0-9.]+\.dist-info/"
    r"(?:METADATA|WHEEL|RECORD|entry_points\.txt|licenses/LICENSE)"
)
SCRIPTS = {
    "console_scripts": {"azure-agents": "azure_agents.cli.main:main"},
    "pytest11": {"azure_agents": "azure_agents.emulator.pytest_plugin"},
}
# All that a source distribution may hold, by its first folder.
SOURCES = {
    "": r"(?:CHANGELOG|CONTRIBUTING|README)\.md|LICENSE|Makefile|PKG-INFO|pyproject\.toml"
    r"|\.gitignore|requirements-dev\.lock",
    "cassettes": r".*\.yaml",
    "deploy": r"Dockerfile(?:\.dockerignore)?|requirements\.lock|\w+\.(?:yaml|cfg)",
    "docs": r".*\.md|images/\w+\.png",
    "langchain_azure_agents": rf"{MODULE}|py\.typed",
    "llamaindex_azure_agents": rf"{MODULE}|py\.typed",
    "notebooks": r".*\.ipynb",
    "shared": rf"azure_agents/(?:{MODULE}|py\.typed|prices/azure_prices\.json"
    r"|gateway/page/status\.html)",
    "tests": rf"{MODULE}|(?:[a-z_]\w*/)+\w[\w.-]*\.(?:yaml|json|txt|md)",
}


def _modules() -> set[str]:
    """The files of the packages, as they lie here, under the names that they have in a wheel."""
    files = ((package, path) for package in PACKAGES for path in package.rglob("*"))
    return {
        f"{package.name}/{path.relative_to(package).as_posix()}"
        for package, path in files
        if path.is_file() and not any(part.startswith((".", "__pycache__")) for part in path.parts)
    }


def _read_wheel(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as wheel:
        return {name: wheel.read(name) for name in wheel.namelist()}


@pytest.mark.slow
def test_a_wheel_holds_what_it_may_and_nothing_else(built: Path) -> None:
    """No path file, no `sitecustomize`, no data, no native code; and no module is missing."""
    (path,) = built.glob("*.whl")
    names = set(_read_wheel(path))
    assert [] == [name for name in names if not WHEEL.fullmatch(name)]
    assert _modules() == {name for name in names if ".dist-info/" not in name}


@pytest.mark.slow
def test_a_wheel_runs_nothing(built: Path) -> None:
    """One command, one plugin of pytest; dependencies come from the index; the record is true."""
    (path,) = built.glob("*.whl")
    files = _read_wheel(path)
    read = {n.rpartition("/")[2]: d.decode() for n, d in files.items() if ".dist-info/" in n}
    assert "Root-Is-Purelib: true" in read["WHEEL"]
    points = ConfigParser()
    points.read_string(read["entry_points.txt"])
    assert {name: dict(points[name]) for name in points.sections()} == SCRIPTS
    needs = re.findall(r"^Requires-Dist: (.*)$", read["METADATA"], re.MULTILINE)
    assert [] == [need for need in needs if Requirement(need).url]
    record = dict(line.rsplit(",", 2)[:2] for line in read["RECORD"].splitlines())
    assert set(record) == set(files)
    for name, data in files.items():
        digest = urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
        assert record[name] == ("" if name.endswith("/RECORD") else f"sha256={digest}"), name


@pytest.mark.slow
def test_a_source_distribution_holds_no_more_than_the_repository(built: Path) -> None:
    """No setup script that runs on install, no file of a developer's machine, no link."""
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        members = archive.getmembers()
    assert all(member.isfile() or member.isdir() for member in members)
    names = [member.name.partition("/")[2] for member in members if member.isfile()]
    assert [] == [name for name in names if not _is_source(name)]


def _is_source(name: str) -> bool:
    folder, slash, rest = name.partition("/")
    pattern = SOURCES.get(folder if slash else "")
    return pattern is not None and re.fullmatch(pattern, rest if slash else name) is not None


@pytest.mark.slow
def test_a_build_is_reproducible(built: Path, tmp_path: Path) -> None:
    """Who builds the same source gets the same bytes."""
    _build(tmp_path)
    sums = [
        sorted((p.name, hashlib.sha256(p.read_bytes()).hexdigest()) for p in folder.iterdir())
        for folder in (built, tmp_path)
    ]
    assert sums[0] == sums[1]


def test_building_and_installing_run_no_code_of_ours() -> None:
    """One back end, no hooks, no plug-ins."""
    assert "hatchling.build" == PROJECT["build-system"]["build-backend"]
    assert ["hatchling>=1.27"] == PROJECT["build-system"]["requires"]
    hatch = PROJECT["tool"]["hatch"]
    assert {"version", "build"} == set(hatch)
    assert {"targets"} == set(hatch["build"])
    assert {"sdist", "wheel"} == set(hatch["build"]["targets"])
    assert {"only-include"} == set(hatch["build"]["targets"]["sdist"])
    assert {"packages"} == set(hatch["build"]["targets"]["wheel"])
    assert {"path"} == set(hatch["version"])
    assert [] == [*ROOT.glob("setup.*"), *ROOT.glob("hatch_build.py"), *ROOT.glob("*.pth")]


def test_only_the_development_install_has_a_path_file() -> None:
    """A ``.pth`` runs at every start of Python; ours is one line with two folders at most."""
    files = [file for file in distribution(NAME).files or () if file.suffix == ".pth"]
    for file in files:
        lines = Path(str(file.locate())).read_text("utf-8").split()
        assert all(Path(line).is_dir() for line in lines), lines
    assert len(files) <= 1
