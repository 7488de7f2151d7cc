"""One request in, one answer out: time, sign-in, route, handler, error envelope, headers."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from .classic import runs
from .models import openai_host
from .models.images import is_signed
from .models.routes import find_route as find_resource_route
from .models.routes import polled_at_resource
from .routes import find_route, polled_turn
from .v2.eras import at_todays_path
from .world.exchange import Answer
from .world.paths import is_classic
from .world.problems import Problem

if TYPE_CHECKING:
    from .world.credential import Gate
    from .world.exchange import Request
    from .world.routing import Route
    from .world.state import World
    from .world.turns import Turn


def _model_of(request: Request) -> str:
    try:
        return str(request.json().get("model"))
    except Problem:
        return "None"


class Service:
    """The emulated project behind its HTTP routes.

    Args:
        world: The state.
        gate: Checks the tokens and keys of requests.
    """

    def __init__(self, world: World, gate: Gate) -> None:
        self._world = world
        self._gate = gate

    def answer(self, request: Request) -> Answer:
        """Apply a request and answer it; a turn in the answer gets one more reader."""
        for callback in self._world.before_requests:
            callback()
        self.pass_time()
        try:
            answer = self._apply(request)
        except Problem as problem:
            if problem.turn is not None:
                # A client that tries again must find the turn that stood in its way further on.
                problem.turn.poll()
            if openai_host.is_openai(request):
                with self._world.lock:
                    problem = openai_host.refusal(self._world, problem, _model_of(request))
            return self.refusal(problem)
        answer.headers = self._headers(request, answer) | answer.headers
        return answer

    def pass_time(self) -> None:
        """Bring all turns and runs up to the clock's time."""
        world = self._world
        with world.lock:
            turns = world.unfinished()
        for turn in turns:
            turn.catch_up()
        with world.lock:
            runs.expire(world)

    def _apply(self, request: Request) -> Answer:
        world, asked = self._world, request
        with world.lock:
            request, route, turn = self._read(request)
        if turn is not None:
            turn.poll()  # without the lock: it may ask the agent, and a script may block
        with world.lock:
            answer = route.handler(world, request, **route.variables)
            if openai_host.is_openai(asked):
                answer = openai_host.as_openai(world, answer, _model_of(asked))
            if answer.turn is not None:
                answer.turn.readers += 1  # before the lock is free: no poll may come in between
            return answer

    def _read(self, request: Request) -> tuple[Request, Route, Turn | None]:
        """Check the sign-in; find the route, and the turn that the request polls."""
        if openai_host.is_openai(request):
            openai_host.check_key(request, self._gate.is_key)
            request = openai_host.at_resource(request)
            route = find_resource_route(request)
            return request, route, polled_at_resource(self._world, request, route.variables)
        if request.is_for_resource:
            if not is_signed(request):
                self._gate.check_resource(request)
            route = find_resource_route(request)
            return request, route, polled_at_resource(self._world, request, route.variables)
        self._gate.check(request)
        request = at_todays_path(self._world, request)
        route = find_route(request)
        return request, route, polled_turn(self._world, request, route.variables)

    def refusal(self, problem: Problem) -> Answer:
        """Build an error answer, with request ids where the service has them."""
        with self._world.lock:
            ids = self._world.ids
            request_id, apim = ids.request(), ids.uuid()
        if problem.status == 500:  # recorded: dashed, as the OpenAI layer writes it
            request_id = str(uuid.UUID(request_id))
        body = problem.body
        error = body.get("error", {})
        for place in ("additionalInfo", "additional_info"):
            if place in error:
                body = body | {"error": error | {place: {"request_id": request_id}}}
        if "{request_id}" in str(error.get("message")):
            message = error["message"].replace("{request_id}", request_id)
            body = body | {"error": error | {"message": message}}
        headers = {"apim-request-id": apim, "x-ms-region": "East US 2"}
        if problem.has_request_id:
            headers["x-request-id"] = request_id
        return Answer(body, problem.status, headers | problem.headers)

    def _headers(self, request: Request, answer: Answer) -> dict[str, str]:
        with self._world.lock:
            ids = self._world.ids
            headers = {
                "apim-request-id": ids.uuid(),
                "x-request-id": ids.request(),
                "x-ms-region": "East US 2",
            }
        if request.is_for_resource:
            return headers | {"x-request-id": str(uuid.UUID(headers["x-request-id"]))}
        if request.path.startswith("/agents"):
            headers["api-supported-versions"] = "1.0,2025-05-15-preview,2025-11-15-preview"
        elif is_classic(request.path) or "/responses" in request.path:
            headers["openai-processing-ms"] = "25"
        if answer.streamed and not is_classic(request.path):
            headers["cache-control"] = "no-cache"
        return headers
