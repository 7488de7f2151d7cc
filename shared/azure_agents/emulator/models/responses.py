"""Responses at the resource: those of the project, of a deployment alone.

Sources: responses_v1_plain_gpt5nano, responses_v1_stream_gpt5nano,
responses_v1_function_tool_gpt56, responses_dated_create_get_delete_404,
error_400_missing_model_responses, responses_dated_stream_gpt5nano.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ..agent.seen import count_prompt, from_items
from ..v2 import responses
from ..v2.input import read_items
from ..world.exchange import Answer, Request
from ..world.paths import OPENAI
from ..world.problems import Problem
from .asked import asked_deployment, headers_of
from .chat_checks import check_sampling
from .families import reasons
from .quota import admit
from .refusals import by_model, invalid
from .response_dated import as_dated, event_as_dated
from .response_objects import shown_event, shown_response

if TYPE_CHECKING:
    from ...jsonio import JSON
    from ..world.deployments import Deployment
    from ..world.state import World
    from ..world.turns import Frame

_KIND = {"content-type": "application/json"}
_OPENAI = ("message", "type", "param", "code")  # the keys of OpenAI's envelope
_ESTIMATE = 16
_ENCRYPTED = "reasoning.encrypted_content"
_OFFER = {"azureai-fe-is-streaming": "False", "azureai-fe-offer-type": "paygo"}  # of streams, too


def create(world: World, request: Request) -> Answer:
    """POST /responses."""
    body = request.json()
    asked = asked_deployment(world, body, "chatCompletion")
    if body.get("agent_reference") is not None:
        raise invalid(
            "Unknown parameter: 'agent_reference'.", "agent_reference", "unknown_parameter"
        )
    check_sampling(body, asked.model)
    _check_include(body, asked.model)
    answer = _passed(lambda: _admitted(world, request, asked, body))
    headers = headers_of(asked) | _OFFER | {"x-ms-served-model": asked.model}
    if answer.streamed:
        headers["content-type"] = "text/event-stream; charset=utf-8"
    answer.headers |= headers
    return _shown(world, answer, request, body, asked.model)


def _check_include(body: JSON, model: str) -> None:
    """Refuse to encrypt the reasoning of a model that does not reason: quoted by users."""
    asked = body.get("include")
    if not reasons(model) and isinstance(asked, list) and _ENCRYPTED in asked:
        raise invalid("Encrypted content is not supported with this model.", "include")


def _admitted(world: World, request: Request, asked: Deployment, body: JSON) -> Answer:
    limits = admit(world, asked, _estimate(body))
    answer = responses.create(world, request)
    answer.headers |= limits
    return answer


def _estimate(body: JSON) -> int:
    items = from_items(read_items(body.get("input") or [], "/input", str))
    read = count_prompt(items, body.get("instructions"))
    return read + (body.get("max_output_tokens") or _ESTIMATE)


def _shown(world: World, answer: Answer, request: Request, body: JSON, model: str) -> Answer:
    """Show a response, or its events, as the surface does on which it was asked for."""
    is_dated, era = not request.path.startswith(OPENAI), world.rules.era
    render = answer.render

    def show(made: JSON) -> JSON:
        shown = shown_response(made, body, model)
        return as_dated(shown, era) if is_dated else shown

    def show_event(step: Frame) -> Frame:
        shown = shown_event(step, body, model)
        return event_as_dated(shown, era) if is_dated else shown

    answer.show = show_event if answer.streamed else None
    if render is not None:
        answer.render = lambda: _as_shown(render(), show)
    elif answer.body is not None:
        answer.body = show(answer.body)
    return answer


def _as_shown(made: JSON | bytes, show: Callable[[JSON], JSON]) -> JSON | bytes:
    return made if isinstance(made, bytes) else show(made)


def _passed(act: Callable[[], Answer]) -> Answer:
    """Do what the project does; its refusals come in OpenAI's envelope here."""
    try:
        return act()
    except Problem as problem:
        if problem.status == 429:
            raise
        error = problem.body.get("error") or {}
        kept = {key: error.get(key) for key in _OPENAI}
        kind = {"type": "invalid_request_error"} if problem.status < 500 else {}
        raise by_model(
            Problem(problem.status, {"error": kept | kind}, turn=problem.turn)
        ) from problem


def get(world: World, request: Request, id: str) -> Answer:
    """GET /responses/{id}."""
    answer = _passed(lambda: responses.get(world, request, id))
    response = world.responses[id]
    deployment = world.deployment(response.model)
    model = deployment.model if deployment else response.model
    if not answer.streamed:
        answer.headers |= _KIND
    return _shown(world, answer, request, response.params, model)


def delete(world: World, request: Request, id: str) -> Answer:
    """DELETE /responses/{id}."""
    _passed(lambda: responses.delete(world, request, id))
    answer = {"id": id, "object": "response.deleted", "deleted": True}
    return Answer(answer, headers=dict(_KIND))


def cancel(world: World, request: Request, id: str) -> Answer:
    """POST /responses/{id}/cancel: background responses only."""
    answer = _passed(lambda: responses.cancel(world, request, id))
    response = world.responses[id]
    answer.headers |= _KIND
    return _shown(world, answer, request, response.params, response.model)


def input_items(world: World, request: Request, id: str) -> Answer:
    """GET /responses/{id}/input_items."""
    answer = _passed(lambda: responses.input_items(world, request, id))
    answer.headers |= _KIND
    return answer
