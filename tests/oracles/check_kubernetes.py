"""`deploy/kubernetes.yaml` beside Kubernetes' own schemas, strictly: no field that is not there.

The schemas come with kubernetes-validate. A broken copy must be refused, or the check says nothing.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import kubernetes_validate
import yaml
from oracle import check, run

FILE = Path(__file__).parents[2] / "deploy" / "kubernetes.yaml"
VERSIONS = ("1.32", "1.34", "1.37")
WRONG = {"podTemplate": {}, "replicas": "two"}  # an unknown field, and one of a wrong kind


def resources() -> list[dict[str, Any]]:
    """The documents of the file."""
    return list(yaml.safe_load_all(FILE.read_text("utf-8")))


def is_valid(resource: dict[str, Any], version: str) -> bool:
    """Whether Kubernetes would take it."""
    try:
        kubernetes_validate.validate(resource, version, strict=True)
    except kubernetes_validate.ValidationError:
        return False
    return True


@check
def every_resource_is_valid() -> None:
    """In old and new versions."""
    pairs = [(one, version) for one in resources() for version in VERSIONS]
    wrong = [(one["kind"], version) for one, version in pairs if not is_valid(one, version)]
    assert [] == wrong, wrong


@check
def a_wrong_field_is_refused() -> None:
    """So a valid file says something."""
    deployment = next(one for one in resources() if one["kind"] == "Deployment")
    for name, value in WRONG.items():
        broken = copy.deepcopy(deployment)
        broken["spec"][name] = value
        assert not is_valid(broken, VERSIONS[-1]), name


run()
