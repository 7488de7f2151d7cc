"""The files of `deploy/`, read: what the tests compare with the code."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"


def compose() -> dict[str, Any]:
    """`compose.yaml`."""
    read: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
    return read


def resources() -> dict[str, dict[str, Any]]:
    """The resources of `kubernetes.yaml`, by kind."""
    text = (DEPLOY / "kubernetes.yaml").read_text("utf-8")
    return {one["kind"]: one for one in yaml.safe_load_all(text)}


def dockerfile() -> list[tuple[str, str]]:
    """The instructions of the Dockerfile, each with its words."""
    text = (DEPLOY / "Dockerfile").read_text("utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(name, words) for name, _, words in (line.partition(" ") for line in lines)]


def words_of(instruction: str) -> list[str]:
    """The words of an instruction in its form without a shell."""
    text = next(words for name, words in reversed(dockerfile()) if name == instruction)
    found: list[str] = json.loads(text[text.index("[") :])
    return found


def seconds(duration: str) -> int:
    """A duration of Compose, in seconds."""
    return int(duration.removesuffix("s"))


def variables(config: str) -> set[str]:
    """The variables that a config file reads."""
    return set(re.findall(r"os\.environ/(\w+)", config))
