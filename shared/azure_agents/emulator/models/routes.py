"""The table of routes of the resource, and the check of each request's api-version."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..world import problems
from ..world.paths import OPENAI, pattern_of
from ..world.routing import Route
from . import (
    batches,
    chat,
    claude,
    completions,
    embeddings,
    files,
    fine_tuning,
    images,
    responses,
    speech,
    transcripts,
)
from .claude_refusals import no_api

if TYPE_CHECKING:
    from ..world.exchange import Request
    from ..world.jobs import Job
    from ..world.routing import Handler
    from ..world.state import Response, World
    from ..world.turns import Turn

_DATED = "/openai/deployments/{deployment}"
_DATED_VERSION = re.compile(r"20\d\d-\d\d-\d\d(?:-preview)?")
_V1_VERSIONS = (None, "v1", "preview", "latest")

_TABLE: tuple[tuple[str, str, Handler], ...] = (
    ("POST", f"{OPENAI}/chat/completions", chat.create),
    ("POST", f"{_DATED}/chat/completions", chat.create),
    ("POST", f"{OPENAI}/completions", completions.create),
    ("POST", f"{_DATED}/completions", completions.create),
    ("POST", f"{OPENAI}/embeddings", embeddings.create),
    ("POST", f"{_DATED}/embeddings", embeddings.create),
    ("POST", f"{OPENAI}/images/generations", images.generate),
    ("POST", f"{_DATED}/images/generations", images.generate),
    ("POST", f"{OPENAI}/images/edits", images.edit),
    ("POST", f"{_DATED}/images/edits", images.edit),
    ("GET", "/private/images/{id}/{name}", images.download),
    ("POST", f"{OPENAI}/audio/speech", speech.speak),
    ("POST", f"{_DATED}/audio/speech", speech.speak),
    ("POST", f"{OPENAI}/audio/transcriptions", transcripts.transcribe),
    ("POST", f"{_DATED}/audio/transcriptions", transcripts.transcribe),
    ("POST", f"{OPENAI}/audio/translations", transcripts.translate),
    ("POST", f"{_DATED}/audio/translations", transcripts.translate),
    ("POST", "/models/chat/completions", chat.create),
    ("POST", "/models/embeddings", embeddings.create),
    ("POST", "/anthropic/v1/messages", claude.create),
    ("POST", "/anthropic/v1/messages/count_tokens", claude.count_tokens),
)
# What belongs to the resource and not to a deployment has the same routes on both surfaces.
_SHARED: tuple[tuple[str, str, Handler], ...] = (
    ("POST", "/files", files.upload),
    ("GET", "/files", files.list_all),
    ("GET", "/files/{id}", files.get),
    ("DELETE", "/files/{id}", files.delete),
    ("GET", "/files/{id}/content", files.content),
    ("POST", "/responses", responses.create),
    ("GET", "/responses/{id}", responses.get),
    ("DELETE", "/responses/{id}", responses.delete),
    ("POST", "/responses/{id}/cancel", responses.cancel),
    ("GET", "/responses/{id}/input_items", responses.input_items),
    ("POST", "/fine_tuning/jobs", fine_tuning.create),
    ("GET", "/fine_tuning/jobs", fine_tuning.list_all),
    ("GET", "/fine_tuning/jobs/{id}", fine_tuning.get),
    ("DELETE", "/fine_tuning/jobs/{id}", fine_tuning.delete),
    ("POST", "/fine_tuning/jobs/{id}/cancel", fine_tuning.cancel),
    ("GET", "/fine_tuning/jobs/{id}/events", fine_tuning.list_events),
    ("POST", "/batches", batches.create),
    ("GET", "/batches", batches.list_all),
    ("GET", "/batches/{id}", batches.get),
    ("POST", "/batches/{id}/cancel", batches.cancel),
)
_ROUTES = (
    *((method, pattern_of(path), handler) for method, path, handler in _TABLE),
    *(
        (method, pattern_of(root + path), handler)
        for root in (OPENAI, "/openai")
        for method, path, handler in _SHARED
    ),
)


def find_route(request: Request) -> Route:
    """Return the route of a request to the resource; 404 without one.

    Raises:
        Problem: There is no such route, or no such version of it.
    """
    path = re.sub("/{2,}", "/", request.path)  # recorded: a doubled slash changes nothing
    for method, pattern, handler in _ROUTES:
        if method == request.method and (match := pattern.fullmatch(path)):
            _check_version(request, path)
            return Route(handler, match.groupdict())
    raise no_api() if path.startswith("/anthropic/") else _unknown()


def _check_version(request: Request, path: str) -> None:
    version = request.query.get("api-version")
    if path.startswith(OPENAI) and version not in _V1_VERSIONS:
        raise problems.gateway(400, "BadRequest", "API version not supported")
    is_dated = path.startswith(("/openai/", "/models/")) and not path.startswith(OPENAI)
    if is_dated and not _DATED_VERSION.fullmatch(version or ""):
        raise _unknown()


def _unknown() -> problems.Problem:
    problem = problems.no_route()
    problem.has_request_id = False
    return problem


def polled_at_resource(world: World, request: Request, variables: dict[str, str]) -> Turn | None:
    """Return the turn whose object a request reads: that is a poll, see `world/turns.py`."""
    if request.method != "GET":
        return None
    kept: tuple[tuple[str, Mapping[str, Job | Response]], ...] = (
        ("/batches/", world.batches),
        ("/fine_tuning/jobs/", world.tuning_jobs),
        ("/responses/", world.responses),
    )
    for place, objects in kept:
        found = objects.get(variables.get("id", "")) if place in request.path else None
        if found is not None:
            return found.turn
    return None
