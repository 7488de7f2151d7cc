"""OpenAI itself: the operations of the surface without versions, without what Azure adds to them.

Nothing of it was recorded: it follows OpenAI's description and types. What is different from Azure:
no filter results and no first chunk for them, `Authorization: Bearer` alone, names of models, and
headers and refusals of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ... import jsonio
from ..world import problems
from ..world.turns import Frame

if TYPE_CHECKING:
    from ...jsonio import JSON
    from ..world.exchange import Answer, Request
    from ..world.problems import Problem
    from ..world.state import World

HOST = "api.openai.com"
_ROOT = "/v1/"
_OF_AZURE = frozenset(
    (
        "content_filter_offsets",
        "content_filter_result",
        "content_filter_results",
        "content_filters",
        "prompt_filter_results",
    )
)
# Headers of Azure's gateway; an empty one is not sent.
_NOT_SENT = dict.fromkeys(
    (
        "apim-request-id",
        "azureai-fe-is-streaming",
        "azureai-fe-offer-type",
        "azureml-model-session",
        "csp-billing-usage",
        "ms-azureml-model-error-reason",
        "ms-azureml-model-error-statuscode",
        "x-ms-deployment-name",
        "x-ms-is-spilled-over",
        "x-ms-rai-invoked",
        "x-ms-region",
        "x-ms-served-model",
        "x-ratelimit-abusepenalty-active",
        "x-ratelimit-key",
        "x-ratelimit-renewalperiod-requests",
        "x-ratelimit-renewalperiod-tokens",
    ),
    "",
)


def is_openai(request: Request) -> bool:
    """Whether a request is for OpenAI itself."""
    return request.is_for_resource and request.path.startswith(_ROOT)


def at_resource(request: Request) -> Request:
    """Return the request that asks the resource for the same."""
    return replace(request, path=f"/openai{request.path}")


def check_key(request: Request, is_good: Callable[[str], bool]) -> None:
    """Refuse a request without a good key: a bearer token, in no other header.

    Args:
        request: The request.
        is_good: Whether a key is one.
    """
    kind, _, key = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer" and is_good(key):
        return
    message = (
        "Incorrect API key provided. You can find your API key at "
        "https://platform.openai.com/account/api-keys."
    )
    raise problems.openai(401, message, code="invalid_api_key")


def as_openai(world: World, answer: Answer, model: str) -> Answer:
    """Give the answer of a resource as OpenAI does.

    Args:
        world: The state.
        answer: The answer.
        model: What the request asked for.
    """
    show, render, refused = answer.show, answer.render, answer.refused
    if answer.streamed:
        answer.show = lambda step: _shown(show(step) if show else step)
    if render is not None:
        answer.render = lambda: _plain(render())
    if answer.body is not None:
        answer.body = _plain(answer.body)
    if refused is not None:
        answer.refused = lambda: _refused(world, refused(), model)
    answer.headers |= _headers(world, answer.headers)
    return answer


def _refused(world: World, problem: Problem | None, model: str) -> Problem | None:
    return None if problem is None else refusal(world, problem, model)


def refusal(world: World, problem: Problem, model: str) -> Problem:
    """Give a refusal of a resource as OpenAI does.

    Args:
        world: The state.
        problem: The refusal.
        model: What the request asked for.
    """
    error = {key: value for key, value in problem.body["error"].items() if key in _ENVELOPE}
    kind = "server_error" if problem.status >= 500 else "invalid_request_error"
    told: JSON = {"type": kind, "param": None, "code": None, **error}
    told |= _OWN.get(str(error.get("code")), _nothing_else)(model)
    told = {key: told[key] for key in _ENVELOPE}
    headers = problem.headers | {"content-type": "application/json"}
    headers |= _headers(world, headers)
    return problems.Problem(problem.status, {"error": told}, turn=problem.turn, headers=headers)


_ENVELOPE = ("message", "type", "param", "code")


def _no_model(model: str) -> JSON:
    message = f"The model `{model}` does not exist or you do not have access to it."
    return {"message": message, "code": "model_not_found"}


def _nothing_else(_: str) -> JSON:
    return {}


def _too_many(model: str) -> JSON:
    message = f"Rate limit reached for {model} on requests per min (RPM)."
    return {"message": message, "type": "requests", "code": "rate_limit_exceeded"}


_OWN: Mapping[str, Callable[[str], JSON]] = {
    "DeploymentNotFound": _no_model,
    "429": _too_many,
    "404": lambda _: {"message": "Invalid URL", "code": None},
}


def _headers(world: World, headers: Mapping[str, str]) -> dict[str, str]:
    resets = {name: f"{value}s" for name, value in headers.items() if "-reset-" in name}
    return {
        **_NOT_SENT,
        **resets,
        "openai-organization": "emulated",
        "openai-processing-ms": "25",
        "openai-version": "2020-10-01",
        "x-request-id": f"req_{world.ids.request()}",
    }


def _shown(step: Frame | None) -> Frame | None:
    if step is None or not step.data.startswith(b"{"):
        return step
    chunk = jsonio.load_object(step.data)
    if chunk.get("choices") == [] and not chunk.get("usage"):
        return None  # Azure's first chunk, which holds filter results alone
    if chunk.get("id") == "" and "choices" in chunk:
        return None  # what the asynchronous filter found
    return Frame(step.event, jsonio.dumps(_plain(chunk)))


def _plain(value: Any) -> Any:
    """Leave out what Azure adds, wherever it stands."""
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if not isinstance(value, dict):
        return value
    kept = {name: _plain(one) for name, one in value.items() if name not in _OF_AZURE}
    if kept.get("object") == "batch":
        names = ("output_file_id", "error_file_id")
        kept |= {name: kept[name] or None for name in names} | {
            "endpoint": f"/v1{kept['endpoint']}"
        }
    return kept
