"""Responses: create (plain, streamed, background), get, resume, cancel, delete.

Sources: v2/prompt_text_*.json, v2/function_tool*.json, v2/background_poll.json,
v2/error_404_response_deleted.json; a comment marks what was not recorded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..world import problems
from ..world.deployments import NO_DEPLOYMENT
from ..world.exchange import Answer, Request
from ..world.ids import partition_of
from ..world.paging import v2_list
from ..world.state import Agent, AgentVersion, Conversation, Response, Session
from . import conversations, endpoints, eras
from .checks import check_body, check_tool_use
from .input import check_approvals, check_calls, check_ids, read_items
from .objects import listed_response_wire, response_wire
from .stream import error_event, respond

if TYPE_CHECKING:
    from ...jsonio import JSON
    from ..agent.responder import Responder
    from ..world.rules import Era
    from ..world.state import World


def create(world: World, request: Request) -> Answer:
    """POST /openai/v1/responses."""
    return _create(world, eras.read_reference(world, request.json()), request)


def create_on_application(world: World, request: Request, application: str) -> Answer:
    """POST /applications/{application}/protocols/openai/responses: a published agent.

    Recorded once (v2/published_application.json), with the preview's answer. It keeps nothing, as
    the documentation says; how it refuses to go on was not recorded.
    """
    body = request.json()
    for field in ("previous_response_id", "conversation"):
        if body.get(field) is not None:
            message = f"'{field}' is not supported by agent applications."
            raise problems.openai(400, message, param=field, code="unsupported_parameter")
    name = world.applications.get(application)
    if name is None:
        raise problems.foundry(404, "not_found", f"Application {application} doesn't exist")
    reference = {"type": "agent_reference", "name": name}
    body |= {"agent_reference": reference, "store": False}
    return _create(world, body, request, era="preview")


def create_on_endpoint(world: World, request: Request, name: str) -> Answer:
    """POST /agents/{name}/endpoint/protocols/openai/responses: the path names the agent."""
    body = request.json()
    body["agent_reference"] = {"type": "agent_reference", "name": name}
    agent = world.agents.get(name)
    if agent is None or not agent.is_hosted:
        return _create(world, body, request)
    session = _session(world, agent, request, body)
    answer = _create(world, body, request, session)
    request_id = world.ids.request()
    # Recorded: the request's id comes twice, once from each layer.
    twice = {"x-request-id": f"{request_id},{request_id}"}
    answer.headers |= {"x-agent-session-id": session.id, **twice}
    return answer


def _session(world: World, agent: Agent, request: Request, body: JSON) -> Session:
    """Find the session that a hosted agent answers in: the named one, the chain's, or a new one."""
    id = body.pop("agent_session_id", None)
    if id is not None:
        return endpoints.find_session(world, agent, str(id), request.user)
    previous = _previous(world, body, request.user)
    if previous is not None and previous.session is not None:
        return previous.session
    return endpoints.add_session(world, agent, user=request.user)


def _create(
    world: World,
    body: JSON,
    request: Request,
    session: Session | None = None,
    era: Era | None = None,
) -> Answer:
    check_body(world, body)
    agent, model, responder = _who(world, body, is_hosted=session is not None)
    definition = _definition(agent, body)
    check_tool_use(agent, body, definition.get("tools") or [], request)
    conversation = _conversation(world, body, request.user)
    previous = _previous(world, body, request.user)
    if conversation is not None:
        conversations.check_free(conversation)
    kept = conversation or session
    context = list(kept.items) if kept else previous.chain() if previous else []
    partition = _partition(world, conversation, previous)
    inputs = _inputs(world, body, context, partition, request.user)
    response = Response(
        id=_new_id(world, agent, partition),
        created_at=world.now,
        params=body,
        model=model,
        agent=agent,
        responder=responder,
        definition=definition,
        inputs=inputs,
        previous_id=previous.id if previous else None,
        conversation=conversation,
        context=context,
        status="queued" if body.get("background") else "in_progress",
        era=era or world.rules.era,
        session=session,
        user=request.user,
    )
    return _start(world, response)


def _new_id(world: World, agent: AgentVersion | None, partition: str) -> str:
    prefixes = {"workflow": "wfresp", "hosted": "caresp"}
    prefix = prefixes.get(str(agent.definition.get("kind"))) if agent else None
    return world.ids.stored(prefix, partition) if prefix else world.ids.made("resp", partition)


def _who(
    world: World, body: JSON, *, is_hosted: bool
) -> tuple[AgentVersion | None, str, Responder]:
    """Find what answers: an agent's version, or a plain model."""
    reference = body.get("agent_reference")
    if reference is not None:
        agent = _agent(world, reference, is_hosted=is_hosted)
        return agent, str(agent.definition.get("model", "")), agent.responder
    model = body.get("model")
    if not model:
        message = "Missing required parameter: 'model'."
        raise problems.openai(400, message, param="model", code="missing_required_parameter")
    deployment = world.deployment(str(model))
    if deployment is None:
        raise problems.openai(404, NO_DEPLOYMENT, code="DeploymentNotFound")
    return None, str(model), deployment.responder


def _agent(world: World, reference: Any, *, is_hosted: bool) -> AgentVersion:
    if not isinstance(reference, dict) or not isinstance(reference.get("name"), str):
        raise problems.invalid_payload("Required property is missing", "/agent_reference/name")
    if reference.get("type", "agent_reference") != "agent_reference":
        raise problems.invalid_payload("The supplied value is invalid.", "/agent_reference/type")
    version = reference.get("version")
    if version is not None and not isinstance(version, str):
        sentence = "Value should be 'string'"
        raise problems.invalid_payload(sentence, "/agent_reference/version")
    agent = world.agents.get(reference["name"])
    found = agent and _version(world, agent, version)
    if not agent or not found:
        message = f"Agent {reference['name']} with version {version or ''} not found"
        raise problems.foundry(404, "not_found", message.replace("  ", " "))
    endpoints.check_enabled(agent)
    if found.definition.get("kind") == "hosted" and not is_hosted:
        raise problems.gateway(400, "bad_request", "ID cannot be null or empty (Parameter 'id')")
    return found


def _version(world: World, agent: Agent, version: str | None) -> AgentVersion | None:
    if version is None:
        return endpoints.select_version(world, agent)
    return agent.versions.get(version)


def _definition(agent: AgentVersion | None, body: JSON) -> JSON:
    """Return the settings in force: an agent's, with structured inputs filled in, or the body's."""
    if agent is None:
        return {name: value for name, value in body.items() if value is not None}
    definition = dict(agent.definition)
    declared = definition.get("structured_inputs") or {}
    values = {name: spec.get("default_value") for name, spec in declared.items()}
    values |= body.get("structured_inputs") or {}
    filled = {f"{{{{{name}}}}}": str(value) for name, value in values.items() if value is not None}
    for key in ("instructions", "tools") if filled else ():
        definition[key] = _filled(definition.get(key), filled)
    return definition


def _filled(value: Any, values: dict[str, str]) -> Any:
    """Replace the names of structured inputs by their values, at every depth."""
    if isinstance(value, str):
        for hole, text in values.items():
            value = value.replace(hole, text)
        return value
    if isinstance(value, dict):
        return {key: _filled(inner, values) for key, inner in value.items()}
    return [_filled(inner, values) for inner in value] if isinstance(value, list) else value


def _conversation(world: World, body: JSON, user: str) -> Conversation | None:
    given = body.get("conversation")
    if given is None:
        return None
    id = given.get("id") if isinstance(given, dict) else given
    return conversations.find(world, str(id), user)


def _previous(world: World, body: JSON, user: str) -> Response | None:
    id = body.get("previous_response_id")
    if not id:
        return None
    previous = world.responses.get(id)
    if previous is None or previous.user != user:
        # OpenAI's answer, not recorded on Foundry; of another user's response Microsoft's sample
        # says that it is a 404.
        message = f"Previous response with id '{id}' not found."
        code, status = "previous_response_not_found", 404 if previous else 400
        raise problems.openai(status, message, param="previous_response_id", code=code)
    if previous.status in {"queued", "in_progress"}:  # not recorded
        message = f"Previous response with id '{id}' is still in progress."
        raise problems.openai(400, message, param="previous_response_id", turn=previous.turn)
    return previous


def _partition(world: World, conversation: Conversation | None, previous: Response | None) -> str:
    known = conversation or previous
    return partition_of(known.id) if known else world.ids.partition()


def _inputs(world: World, body: JSON, context: list[JSON], partition: str, user: str) -> list[JSON]:
    given = body.get("input")
    if not given and (not body.get("conversation") or not context):
        message = "Missing required parameter: 'input'."
        raise problems.openai(400, message, param="input", code="missing_required_parameter")
    items = read_items(given or [], "/input", lambda prefix: world.ids.stored(prefix, partition))
    check_ids(context, items)
    theirs = [one for one in world.responses.values() if one.user == user]
    items = [_resolved(theirs, item, context) for item in items]
    check_calls(context, items)
    check_approvals(context, items)
    return items


def _resolved(theirs: list[Response], item: JSON, context: list[JSON]) -> JSON:
    if item["type"] != "item_reference":
        return item
    stored = (one for response in theirs for one in response.chain())
    for known in (*context, *stored):
        if known["id"] == item["id"]:
            return known
    raise problems.openai(404, f"Item with id '{item['id']}' not found.", param="input")


def _start(world: World, response: Response) -> Answer:
    def drop() -> None:
        response.status = "failed"
        if response.turn is not None:
            response.turn.frames.append(error_event(response))
        world.responses.pop(response.id, None)
        if response.conversation is not None:
            response.conversation.turn = None
            if world.rules.keeps_failed_input:
                response.conversation.items += response.inputs

    if response.is_stored:
        world.responses[response.id] = response
    turn = world.start(respond(world, response), status=lambda: response.status, drop=drop)
    response.turn = turn
    if response.conversation is not None and not turn.done:
        response.conversation.turn = turn
    if response.params.get("stream"):
        return Answer(turn=turn, streamed=True)
    if response.is_background:
        return Answer(response_wire(response))
    return Answer(turn=turn, render=lambda: response_wire(response))


def find(world: World, request: Request, id: str) -> Response:
    """Return the user's stored response, or refuse with the recorded 404."""
    response = world.responses.get(id)
    if response is None or response.user != request.user:
        raise eras.unknown_response(world, id)
    return response


def get(world: World, request: Request, id: str) -> Answer:
    """GET /responses/{id}; with ``stream=true`` a background response goes on from an event."""
    response = find(world, request, id)
    if request.query.get("stream") != "true":
        return Answer(response_wire(response))
    after = request.query.get("starting_after", "-1")
    if not (response.is_background and response.params.get("stream") and response.turn):
        message = f"Response with id '{id}' was not created with background and stream."
        raise problems.openai(400, message, param="stream")
    if not after.lstrip("-").isdecimal():
        message = f"Invalid 'starting_after': '{after}'. Expected an integer."
        raise problems.openai(400, message, param="starting_after", code="invalid_value")
    return Answer(turn=response.turn, streamed=True, start=int(after) + 1)


def list_all(world: World, request: Request) -> Answer:
    """GET /responses; the filters are from the service description, not recorded."""
    found = [
        listed_response_wire(response)
        for response in world.responses.values()
        if response.user == request.user and _matches(response, request.query.get)
    ]
    return Answer(v2_list(found, request.query))


def _matches(response: Response, wanted: Any) -> bool:
    agent, conversation = response.agent, response.conversation
    return (
        wanted("agent_name") in {None, agent and agent.name}
        and wanted("agent_id") in {None, agent and agent.id}
        and wanted("conversation_id") in {None, conversation and conversation.id}
    )


def delete(world: World, request: Request, id: str) -> Answer:
    """DELETE /responses/{id}."""
    find(world, request, id)
    del world.responses[id]
    return Answer({"id": id, "object": "response", "deleted": True})


def cancel(world: World, request: Request, id: str) -> Answer:
    """POST /responses/{id}/cancel: background responses only, and any number of times."""
    response = find(world, request, id)
    if not response.is_background:  # OpenAI's rule, not recorded
        message = "Only responses created with background=true can be cancelled."
        raise problems.openai(400, message)
    if response.status in {"queued", "in_progress"} and response.turn is not None:
        response.status = "cancelled"
        response.turn.stop()
    return Answer(response_wire(response))


def input_items(world: World, request: Request, id: str) -> Answer:
    """GET /responses/{id}/input_items."""
    response = find(world, request, id)
    return Answer(v2_list(response.inputs, request.query))
