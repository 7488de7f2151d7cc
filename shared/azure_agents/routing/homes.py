"""Resources by the models that they have: where a request that names several can go. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from .deployments import Deployment
from .flow import Group


class Homes(NamedTuple):
    """Where some models are all together.

    Attributes:
        group: One deployment of each such resource; none: no resource has all of them.
        names: What the models are called there, by resource and by the caller's name.
    """

    group: Group
    names: Mapping[str, Mapping[str, str]]


def homes_of(known: Mapping[str, Group]) -> Homes:
    """The resources that have all of some models.

    Args:
        known: Their deployments, by the names that the caller used; not empty.
    """
    common = set.intersection(*({one.resource for one in group} for group in known.values()))
    everyone = (one for group in known.values() for one in group)
    group = by_resource(one for one in everyone if one.resource in common)
    return Homes(group, {home: _names(known, home) for home in common})


def by_resource(deployments: Iterable[Deployment]) -> Group:
    """Each resource of some deployments once, by the first one that is there.

    Args:
        deployments: In the order in which they are to be asked.
    """
    found: dict[str, Deployment] = {}
    for one in deployments:
        found.setdefault(one.resource, one.own_resource)
    return tuple(found.values())


def bare_name(model: str) -> str:
    """The name of a deployment, without what stands before it in a model string.

    Args:
        model: Such as ``azure/my-gpt``.
    """
    return model.rpartition("/")[2]


def provider_of(one: Deployment) -> str:
    """Whose resource a deployment is on, by LiteLLM's name: ``azure`` or ``openai``.

    Args:
        one: The deployment; it keeps files.
    """
    return "openai" if one.model.startswith("openai/") else "azure"


def _names(known: Mapping[str, Group], home: str) -> dict[str, str]:
    return {
        model: next(bare_name(one.model) for one in group if one.resource == home)
        for model, group in known.items()
    }
