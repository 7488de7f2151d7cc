"""The bill of materials of what users install, as CycloneDX JSON: ``make sbom`` writes it.

Taken from the metadata of the installed distributions, so it says what is really there. It has no
time and no serial number: the same environment gives the same file.
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import Distribution, distribution, distributions
from typing import Any

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = "azure-agents"
EXTRAS = ("emulator", "langchain", "llamaindex", "redis")  # all but `dev`


def needed(one: Distribution, extras: tuple[str, ...]) -> list[Requirement]:
    """What a distribution needs here, with some of its extras."""
    found = map(Requirement, one.requires or ())
    environments = [{**default_environment(), "extra": extra} for extra in ("", *extras)]
    return [
        need
        for need in found
        if need.marker is None or any(map(need.marker.evaluate, environments))
    ]


def closure(root: str = ROOT, extras: tuple[str, ...] = EXTRAS) -> dict[str, list[str]]:
    """Every distribution that comes along, and what it needs in its turn."""
    found: dict[str, list[str]] = {}
    asked: set[tuple[str, tuple[str, ...]]] = set()
    waiting: list[tuple[str, tuple[str, ...]]] = [(root, extras)]
    while waiting:
        name, extras = waiting.pop()
        if (name, extras) in asked:
            continue
        asked.add((name, extras))
        needs = needed(distribution(name), extras)
        names = {canonicalize_name(need.name) for need in needs}
        found[name] = sorted({*found.get(name, ()), *names})
        waiting += [(canonicalize_name(n.name), tuple(sorted(n.extras))) for n in needs]
    return dict(sorted(found.items()))


def bill(extras: tuple[str, ...] = EXTRAS) -> dict[str, Any]:
    """The bill of materials."""
    graph = closure(ROOT, extras)
    components = {name: _component(distribution(name)) for name in graph}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {**components.pop(ROOT), "type": "application"}},
        "components": list(components.values()),
        "dependencies": [
            {"ref": _reference(name), "dependsOn": [_reference(need) for need in needs]}
            for name, needs in graph.items()
        ],
    }


def _component(one: Distribution) -> dict[str, Any]:
    name = canonicalize_name(one.metadata["Name"])
    component = {
        "type": "library",
        "bom-ref": _reference(name),
        "name": name,
        "version": one.version,
        "purl": _reference(name),
    }
    words = _license(one)
    return {**component, "licenses": [{"license": {"name": words}}]} if words else component


def _license(one: Distribution) -> str:
    said = one.metadata.get("License-Expression") or one.metadata.get("License") or ""
    if said and "\n" not in said:
        return said
    kinds = (each for each in one.metadata.get_all("Classifier") or () if "License ::" in each)
    return next((each.rpartition(" :: ")[2] for each in kinds), "")


def _reference(name: str) -> str:
    return f"pkg:pypi/{name}@{distribution(name).version}"


def installed() -> dict[str, str]:
    """Everything in this environment, by name."""
    return {canonicalize_name(one.metadata["Name"]): one.version for one in distributions()}


if __name__ == "__main__":
    json.dump(bill(), sys.stdout, indent=2)
    sys.stdout.write("\n")
