"""`deploy/kubernetes.yaml` and the pods of `deploy/ray.yaml`, strictly: no field that is not there.

Kubernetes' schemas come with kubernetes-validate. A broken copy must be refused, or the check says
nothing.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import kubernetes_validate
import yaml
from oracle import check, run

RAY = Path(__file__).parents[2] / "deploy" / "ray.yaml"
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
def every_pod_of_ray_is_valid() -> None:
    """The rest of its file is KubeRay's, whose schema is not here."""
    cluster = yaml.safe_load(RAY.read_text("utf-8"))["spec"]["rayClusterSpec"]
    groups = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    pods = [{"apiVersion": "v1", "kind": "Pod", **one["template"]} for one in groups]
    assert [True] * 2 == [is_valid(one, VERSIONS[-1]) for one in pods]


@check
def a_wrong_field_is_refused() -> None:
    """So a valid file says something."""
    deployment = next(one for one in resources() if one["kind"] == "Deployment")
    for name, value in WRONG.items():
        broken = copy.deepcopy(deployment)
        broken["spec"][name] = value
        assert not is_valid(broken, VERSIONS[-1]), name


run()
