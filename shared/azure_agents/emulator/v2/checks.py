"""What a response request must get right before an agent is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..world import limits, problems
from ..world.exchange import Request, check_metadata
from ..world.state import AgentVersion, World
from .input import check_fields

if TYPE_CHECKING:
    from ...jsonio import JSON


def check_body(world: World, body: JSON) -> None:
    """Refuse fields and values that no response may have."""
    check_fields(body)
    _check_refused(world, body)
    limits.check_v2(body)
    check_metadata(body)
    _check_background(body)


def check_tools(
    agent: AgentVersion | None, body: JSON, tools: list[JSON], request: Request
) -> None:
    """Refuse tools that are malformed, a choice of one that is not there, a missing deployment."""
    if agent is None:
        limits.check_v2_tools(body.get("tools") or [], "/tools")
    limits.check_chosen(body.get("tool_choice"), tools)
    _check_image_header(agent, request)


def _check_refused(world: World, body: JSON) -> None:
    """Refuse what `Rules.refused` names, as the service refuses what it does not know."""
    for name in world.rules.refused:
        field, _, inner = name.partition(".")
        value = body.get(field)
        found = value.get(inner) if inner and isinstance(value, dict) else value
        given = body.get("input")
        items = given if isinstance(given, list) else []
        if found is not None or any(isinstance(i, dict) and i.get("type") == name for i in items):
            message = f"Unknown parameter: '{name}'."
            raise problems.openai(400, message, param=name, code="unknown_parameter")


def _check_background(body: JSON) -> None:
    if body.get("background") and body.get("store") is False:  # OpenAI's rule, not recorded
        message = "Background mode requires 'store' to be true."
        raise problems.openai(400, message, param="background", code="invalid_value")


def _check_image_header(agent: AgentVersion | None, request: Request) -> None:
    # Recorded with the header only. That it is needed is documented; the sentence is a guess.
    tools = (agent.definition.get("tools") or []) if agent else []
    wanted = any(tool["type"] == "image_generation" for tool in tools)
    if wanted and "x-ms-oai-image-generation-deployment" not in request.headers:
        message = "Missing required header: 'x-ms-oai-image-generation-deployment'."
        raise problems.openai(400, message, code="missing_required_parameter")
