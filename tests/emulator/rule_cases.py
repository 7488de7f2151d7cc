"""Wrong requests, and the refusal that each gets.

Cases of one rule of the service have the same number.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

V2 = "/openai/v1/responses"
REFERENCE = {"type": "agent_reference", "name": "my-agent"}
TOOL = {"type": "function", "name": "f", "parameters": {"type": "object"}}
MALFORMED = "conv_0123"
NO_VERSION = "Missing required query parameter: api-version"
UNKNOWN = "conv_0123456789abcdef00" + "A" * 32


@dataclass
class Case:
    """One wrong request, and the answer to it.

    Attributes:
        rule: Number of the rule that it breaks.
    """

    rule: str
    method: str
    path: str
    body: Any
    status: int
    error: dict[str, Any]
    query: dict[str, str]


def case(
    rule: str,
    request: str,
    body: Any = None,
    *,
    status: int = 400,
    query: dict[str, str] | None = None,
    **error: Any,
) -> Case:
    """Build a case whose request is written in one line."""
    method, path = request.split(" ")
    return Case(rule, method, path, body, status, error, query or {})


def respond(**fields: Any) -> dict[str, Any]:
    """Build the body of a v2 turn."""
    return {"agent_reference": REFERENCE, "input": "hi", **fields}


def run(**fields: Any) -> dict[str, Any]:
    """Build the body of a run."""
    return {"assistant_id": "{asst}", **fields}


CASES = [
    # both generations
    case("4", "GET /nothing", status=404, code="404", message="Resource not found"),
    case("4", "POST /threads/{thread}/nothing", status=404, code="404"),
    case("7", f"POST {V2}", respond(metadata={str(n): "" for n in range(17)}), param="metadata"),
    case("7", "POST /threads", {"metadata": {"k" * 65: "v"}}, param="metadata"),
    case("7", "POST /threads", {"metadata": {"k": "v" * 513}}, param="metadata"),
    case("7", "POST /threads", {"metadata": {"k": 1}}, param="metadata"),
    # classic
    case("10", "POST /threads", query={"api_version": ""}, message=NO_VERSION),
    case(
        "11",
        "POST /threads",
        query={"api_version": "2024-01-01"},
        code="UnsupportedApiVersionValue",
        message="Unsupported api version '2024-01-01'. The supported versions are 'v1', "
        "'2025-05-01', '2025-05-15-preview'",
    ),
    case(
        "12",
        "POST /threads/{thread}/runs",
        {"assistant_id": "asst_x"},
        status=404,
        message="No assistant found with id 'asst_x'.",
    ),
    case("12", "GET /threads/thread_x", status=404, message="No thread found with id 'thread_x'."),
    case(
        "12",
        "GET /threads/{thread}/runs/run_x",
        status=404,
        message="No run found with id 'run_x'.",
    ),
    case(
        "12",
        "GET /threads/{thread}/messages/msg_x",
        status=404,
        message="No message found with id 'msg_x'.",
    ),
    case(
        "13",
        "POST /threads/runs",
        {"assistant_id": "my-agent"},
        message="Invalid 'assistant_id': 'my-agent'. Expected an ID that begins with 'asst'.",
    ),
    case(
        "14",
        "POST /threads/{busy}/messages",
        {"role": "user", "content": "hi"},
        message="Can't add messages to {busy} while a run {run} is active.",
    ),
    case(
        "15",
        "POST /threads/{busy}/runs",
        run(),
        message="Thread {busy} already has an active run {run}.",
    ),
    case(
        "16",
        "POST /threads/{paused}/runs/{pause}/submit_tool_outputs",
        {"tool_outputs": [{"tool_call_id": "call_1", "output": "x"}]},
        message="Expected tool outputs for call_ids ['call_1', 'call_2'], got ['call_1']",
    ),
    case(
        "17",
        "POST /threads/{paused}/runs/{pause}/submit_tool_outputs",
        {"tool_outputs": [{"tool_call_id": "call_1", "output": "x"}] * 2},
        message="Expected tool outputs for call_ids ['call_1', 'call_2'], got ['call_1', 'call_1']",
    ),
    case(
        "18",
        "POST /threads/{thread}/runs/{done}/submit_tool_outputs",
        {"tool_outputs": []},
        message='Runs in status "completed" do not accept tool outputs.',
    ),
    case(
        "20",
        "POST /threads/{thread}/runs/{done}/cancel",
        message="Cannot cancel run with status 'completed'.",
    ),
    case(
        "21",
        "POST /assistants",
        {"model": "m", "tools": [{"type": "x"}]},
        message="Invalid tool value(s): x",
    ),
    case("-", "POST /threads/runs", run(additional_messages=[]), code="unknown_parameter"),
    case("-", "POST /threads/runs", run(additional_instructions="x"), code="unknown_parameter"),
    case(
        "-",
        "POST /threads/{thread}/messages",
        {"role": "system", "content": "hi"},
        param="role",
    ),
    case(
        "-",
        "POST /threads/{thread}/messages",
        {"role": "user", "content": ""},
        message="Message content must be non-empty.",
    ),
    case(
        "-",
        "POST /threads/{thread}/runs",
        run(additional_messages=[{"role": "user", "content": "hi"}] * 4),
        code="array_above_max_length",
        param="additional_messages",
    ),
    case("-", "GET /threads/{thread}/messages", query={"limit": "0"}, param="limit"),
    case("-", "GET /threads/{thread}/messages", query={"order": "up"}, param="order"),
    # v2
    case("40", "GET /agents", query={"api_version": ""}, message=NO_VERSION),
    case("41", f"POST {V2}", respond(), query={"api-version": "v1"}, code="BadRequest"),
    case(
        "42",
        "POST /agents/my-agent/endpoint/protocols/openai/responses",
        {"input": "hi"},
        status=404,
        query={"api_version": "2025-11-15-preview"},
        code="404",
    ),
    case(
        "43",
        "POST /agents/w/versions",
        {"definition": {"kind": "workflow", "workflow": ""}},
        status=403,
        code="preview_feature_required",
    ),
    case(
        "44",
        f"POST /agents/{'n' * 64}/versions",
        {"definition": {"kind": "prompt", "model": "m"}},
        code="invalid_payload",
    ),
    case(
        "44",
        "POST /agents/-n/versions",
        {"definition": {"kind": "prompt", "model": "m"}},
        code="invalid_payload",
    ),
    case(
        "45",
        f"POST {V2}",
        {"agent_reference": {"name": "other"}, "input": "hi"},
        status=404,
        code="not_found",
        message="Agent other with version not found",
    ),
    case(
        "45",
        f"POST {V2}",
        {"agent_reference": {"name": "my-agent", "version": "9"}, "input": "hi"},
        status=404,
        code="not_found",
        message="Agent my-agent with version 9 not found",
    ),
    case("46", "GET /agents/x", status=404, code="not_found", message="Agent x doesn't exist"),
    case("46", "DELETE /agents/x", status=404, code="not_found"),
    case(
        "49",
        f"POST {V2}",
        {"agent": REFERENCE, "input": "hi"},
        code="invalid_payload",
        message="The 'agent' property is deprecated. Use 'agent_reference' instead.",
    ),
    *(
        case(
            "50",
            f"POST {V2}",
            respond(**{name: value}),
            code="invalid_payload",
            message="Not allowed when agent is specified.",
            param=name,
        )
        for name, value in {
            "temperature": 0.5,
            "top_p": 1,
            "text": {},
            "instructions": "x",
            "tools": [],
            "reasoning": {},
        }.items()
    ),
    case("50", f"POST {V2}", respond(top_p=1, text={}), message="Invalid payload", param=None),
    case(
        "51",
        f"POST {V2}",
        {"input": "hi"},
        message="Missing required parameter: 'model'.",
        code="missing_required_parameter",
        param="model",
    ),
    case(
        "52",
        f"POST {V2}",
        {"model": "gpt-none", "input": "hi"},
        status=404,
        code="DeploymentNotFound",
    ),
    *(
        case(
            "53",
            f"POST /openai/v1/conversations{path}",
            {"items": [{"role": "user", "content": "hi"}] * 21},
            code="invalid_payload",
            message="maxItems: Value should have at most 20 items",
            param="/items",
        )
        for path in ("", "/{conv}/items")
    ),
    case(
        "54",
        f"GET /openai/v1/conversations/{UNKNOWN}",
        status=404,
        code="not_found",
        message=f"Conversation '{UNKNOWN}' not found",
    ),
    case("54", f"POST {V2}", respond(conversation=UNKNOWN), status=404, code="not_found"),
    case(
        "55",
        f"POST {V2}",
        respond(conversation=MALFORMED),
        message="Invalid conversation id 'conv_0123', Malformed identifier.",
    ),
    case(
        "56",
        f"GET {V2}/resp_x",
        status=404,
        message="Response with id 'resp_x' not found.",
        code=None,
    ),
    case(
        "57",
        f"POST {V2}",
        respond(previous_response_id="resp_x"),
        code="previous_response_not_found",
        param="previous_response_id",
    ),
    case(
        "58",
        f"POST {V2}",
        respond(previous_response_id="{resp}", conversation="{conv}"),
        code="mutually_exclusive_parameters",
    ),
    case(
        "59",
        f"POST {V2}",
        respond(previous_response_id="{call}"),
        message="No tool output found for function call call_1.",
        param="input",
    ),
    case(
        "60",
        f"POST {V2}",
        respond(input=[{"type": "function_call_output", "call_id": "call_x", "output": ""}]),
        message="No tool call found for function call output with call_id call_x.",
        param="input",
    ),
    case(
        "61",
        f"POST {V2}",
        respond(
            previous_response_id="{call}",
            input=[
                {"type": "function_call_output", "call_id": id, "output": ""}
                for id in ("call_1", "call_2", "call_1")
            ],
        ),
        message="No tool call found for function call output with call_id call_1.",
    ),
    case(
        "63",
        f"POST {V2}",
        respond(conversation="{locked}"),
        code="conversation_locked",
        param="conversation",
    ),
    case(
        "64",
        f"POST {V2}",
        respond(input=[{"role": "user", "content": "hi", "status": None}]),
        message="Invalid payload",
        details=[
            {
                "code": "ValidationError",
                "message": "Value is 'null' but should be 'string'",
                "param": "/input/0/status",
                "type": "error",
            }
        ],
    ),
    case(
        "65",
        f"POST {V2}",
        {"agent_reference": {"name": "hosted"}, "input": "hi"},
        code="bad_request",
    ),
    case("66", f"POST {V2}/{{resp}}/cancel"),
    case("67", f"GET {V2}/{{resp}}", query={"stream": "true", "starting_after": "1"}),
    case(
        "69",
        "POST /agents/a/versions",
        {
            "definition": {
                "kind": "prompt",
                "model": "m",
                "tools": [{"type": "mcp", "server_label": "{{x}}"}],
            }
        },
        message="The supplied value is invalid.",
        param="",
    ),
    case(
        "76",
        f"POST {V2}",
        {"agent_reference": {"name": "painter"}, "input": "hi"},
        code="missing_required_parameter",
    ),
    case("-", f"POST {V2}", respond(max_tokens=5), code="unknown_parameter", param="max_tokens"),
    case("-", f"POST {V2}", {"agent_reference": REFERENCE}, code="missing_required_parameter"),
    case("-", f"POST {V2}", respond(input=[{"type": "x_y"}]), message="Invalid payload"),
    case("-", f"POST {V2}", respond(input=[{"role": "tool", "content": ""}])),
    case(
        "-",
        f"POST {V2}",
        respond(
            input=[{"role": "assistant", "content": [{"type": "input_text", "text": "hi"}]}],
        ),
        message="Invalid value: 'input_text'. Supported values are: 'output_text' and 'refusal'.",
    ),
    case("-", f"POST {V2}", respond(background=True, store=False), param="background"),
]
