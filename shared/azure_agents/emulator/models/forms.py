"""The forms of chat answers: OpenAI's models have one, other models of Foundry another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from . import asked, chat_objects, chat_stream, foundry
from .families import is_of_foundry
from .quota import Refuse
from .refusals import too_many

if TYPE_CHECKING:
    from ...jsonio import JSON
    from ..world.deployments import Deployment
    from ..world.state import World
    from ..world.turns import Work
    from .answer import Call


@dataclass(frozen=True, slots=True)
class Form:
    """How a model answers a chat.

    Attributes:
        stream: Answers a call; the frames are the chunks of its stream.
        whole: Builds the whole answer of a call that was answered.
        headers: Builds the headers that answers have beside ids and limits.
        too_many: Builds the 429 of a deployment over its limit.
    """

    stream: Callable[[World, Call], Work]
    whole: Callable[[Call], JSON]
    headers: Callable[[Deployment], dict[str, str]]
    too_many: Refuse


def form_of(deployment: Deployment) -> Form:
    """Return the form in which the model of a deployment answers."""
    if is_of_foundry(deployment.model):
        refuse = partial(foundry.too_many, deployment)
        return Form(foundry.stream, foundry.completion, foundry.headers_of, refuse)
    return Form(chat_stream.stream, chat_objects.completion, asked.headers_of, too_many)
