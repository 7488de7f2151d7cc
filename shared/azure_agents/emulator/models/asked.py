"""Find the deployment that a request asks, on either surface."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .families import operation_of
from .refusals import no_deployment, no_model, wrong_operation

if TYPE_CHECKING:
    from ...jsonio import JSON
    from ..world.deployments import Deployment
    from ..world.state import World
    from .families import Operation


def asked_deployment(
    world: World, body: JSON, operation: Operation, name: str | None = None
) -> Deployment:
    """Return the deployment that the path names, or without one the body.

    Args:
        world: The state.
        body: The request's; on the dated surface its model counts for nothing.
        operation: What the deployment is asked to do.
        name: The deployment in the path; None on the surface without versions.

    Raises:
        Problem: There is none, or its model does something else.
    """
    name = name if name is not None else body.get("model")
    if not name or not isinstance(name, str):
        raise no_model()
    deployment = world.deployment(name)
    if deployment is None:
        raise no_deployment()
    if operation_of(deployment.model) != operation:
        raise wrong_operation(operation, deployment.model)
    return deployment


def headers_of(deployment: Deployment) -> dict[str, str]:
    """Build the headers that answers of a deployment have beside ids and limits."""
    return {
        "content-type": "application/json",
        "azureml-model-session": "d001-20260330170902",
        "x-ms-deployment-name": deployment.name,
        "x-ms-is-spilled-over": "false",
        "x-ms-rai-invoked": "true",
    }
