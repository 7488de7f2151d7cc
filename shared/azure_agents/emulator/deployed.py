"""The deployments that users of the emulator make."""

from __future__ import annotations

from .agent.replies import Script
from .agent.responder import Responder
from .world.deployments import Deployment
from .world.state import World


class DeployedModel:
    """A deployment that lives in the emulator.

    Attributes:
        name: The deployment's name, which OpenAI's SDKs take as model.
        base_model: The model behind it, with its version.

    Args:
        made: The stored deployment; `deploy` passes it.
    """

    def __init__(self, made: Deployment) -> None:
        self._made = made
        self.name = made.name
        self.base_model = made.model

    @property
    def model(self) -> str:
        """The text that `completion` takes as model: ``azure/my-deployment``."""
        return f"azure/{self.name}"

    def script(self, reply: Script) -> None:
        """Give the deployment another script, from its next call on.

        Args:
            reply: A reply, a list of replies played in order, or a function of the `SeenTurn`;
                None lets the built-in responder answer.
        """
        self._made.responder = Responder(reply)

    def __str__(self) -> str:
        return self.model

    def __repr__(self) -> str:
        return f"<DeployedModel {self.name!r} ({self.base_model})>"


def deploy(world: World, made: Deployment) -> DeployedModel:
    """Add a deployment, or put it in the place of another one with its name."""
    for limit, given in (("rpm", made.rpm), ("tpm", made.tpm)):
        if given is not None and given < 1:
            raise ValueError(f"{limit} must be 1 or more, got {given!r}; None is no limit")
    with world.lock:
        world.deployments[made.name] = made
    return DeployedModel(made)
