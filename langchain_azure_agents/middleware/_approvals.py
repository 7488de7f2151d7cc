"""Approvals of server-side tools as interrupts, in the form of LangChain's own middleware.

`HumanInTheLoopMiddleware` interrupts before a tool of the application runs. A tool of the server
(MCP) asks by an answer, so the interrupt comes after the model, and the reply goes back to it. The
node holds nothing but the interrupt: when the graph resumes, no request is asked anew, so a
decision can reach only the request that was shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from langchain.agents.middleware import AgentMiddleware, hook_config
from langchain.agents.middleware.human_in_the_loop import ActionRequest, HITLRequest, ReviewConfig
from langchain_core.messages import AIMessage, AnyMessage, ToolMessage
from langgraph.types import interrupt

from azure_agents import ApprovalReply, ApprovalRequest
from azure_agents.content.approvals import reply_of
from azure_agents.errors import ProtocolError
from azure_agents.jsonio import loads

from .._approvals import message_of
from .._asks import asks_in


class ServerToolApprovals(AgentMiddleware[Any, Any, Any]):
    """Stops the graph until somebody has decided on each server-side tool that asks (MCP).

    Example:
        ```python
        app = create_agent(
            llm, [], middleware=[ServerToolApprovals()], checkpointer=InMemorySaver()
        )
        state = app.invoke({"messages": [("user", "Delete /tmp/x")]}, config)
        print(state["__interrupt__"][0].value["action_requests"])
        app.invoke(Command(resume={"decisions": [{"type": "approve"}]}), config)
        ```

    The interrupt's value and the decisions are those of LangChain's `HumanInTheLoopMiddleware`: one
    decision for each request, in order, ``{"type": "approve"}`` or ``{"type": "reject", "message":
    "why"}``. What the agent asked cannot be edited, nor answered in the tool's place. Decisions of
    another form or number decide nothing: the interrupt comes again, with an ``error`` that says
    what was wrong. Both kinds of middleware work side by side.

    Args:
        description_prefix: The first line of each request's description.
    """

    def __init__(self, description_prefix: str = "Tool execution requires approval") -> None:
        super().__init__()
        self._prefix = description_prefix

    @hook_config(can_jump_to=["model"])
    def after_model(self, state: Any, runtime: Any) -> dict[str, Any] | None:  # noqa: ARG002
        """Ask for decisions, if the answer asks for approval.

        Args:
            state: The state of the graph.
            runtime: Not looked at.
        """
        last = _last_answer(state["messages"])
        requests = (
            [one for one in asks_in(last) if isinstance(one, ApprovalRequest)] if last else []
        )
        if last is None or not requests:
            return None
        reply = message_of(self._decided(requests))
        # Beside calls of functions the reply waits for their results: the model needs both.
        onward = {} if last.tool_calls else {"jump_to": "model"}
        return {"messages": [reply], **onward}

    @hook_config(can_jump_to=["model"])
    async def aafter_model(self, state: Any, runtime: Any) -> dict[str, Any] | None:
        """Ask for decisions, on an event loop.

        Args:
            state: As for `after_model`.
            runtime: As for `after_model`.
        """
        return self.after_model(state, runtime)

    def _decided(self, requests: Sequence[ApprovalRequest]) -> list[ApprovalReply]:
        asked = self._question(requests)
        while True:
            given = interrupt(asked)
            if not (error := _mistake(given, len(requests))):
                return list(_replies(requests, given["decisions"]))
            # LangGraph keeps what it was resumed with: an error here would come for ever.
            asked = {**asked, "error": error}

    def _question(self, requests: Sequence[ApprovalRequest]) -> dict[str, Any]:
        actions = [self._action(request) for request in requests]
        configs = [
            ReviewConfig(action_name=name, allowed_decisions=["approve", "reject"])
            for name in dict.fromkeys(action["name"] for action in actions)
        ]
        return dict(HITLRequest(action_requests=actions, review_configs=configs))

    def _action(self, request: ApprovalRequest) -> ActionRequest:
        server = f"\nServer: {request.server_label}" if request.server_label else ""
        return ActionRequest(
            name=request.name,
            args=_arguments(request.arguments),
            description=(
                f"{self._prefix}\n\nTool: {request.name}{server}\nArgs: {request.arguments}"
            ),
        )


def _last_answer(messages: Sequence[AnyMessage]) -> AIMessage | None:
    # Another middleware may have answered a call of a function already.
    spoken = (one for one in reversed(messages) if not isinstance(one, ToolMessage))
    last = next(spoken, None)
    return last if isinstance(last, AIMessage) else None


def _arguments(text: str) -> dict[str, Any]:
    try:
        read = loads(text)
    except ProtocolError:
        read = None
    return read if isinstance(read, dict) else {"arguments": text}


def _mistake(given: Any, wanted: int) -> str | None:
    decisions = given.get("decisions") if isinstance(given, Mapping) else None
    if not isinstance(decisions, Sequence) or isinstance(decisions, str):
        return 'resume with {"decisions": [{"type": "approve"}]}, or "reject" with a "message"'
    if len(decisions) != wanted:
        return f"{len(decisions)} decisions for {wanted} requests: give one for each, in order"
    for at, one in enumerate(decisions):
        if not isinstance(one, Mapping) or one.get("type") not in ("approve", "reject"):
            return f'decisions[{at}] must be {{"type": "approve"}} or {{"type": "reject"}}'
    return None


def _replies(requests: Sequence[ApprovalRequest], decisions: Any) -> Iterator[ApprovalReply]:
    for request, one in zip(requests, decisions, strict=True):
        yield reply_of(request.id, one["type"] == "approve", one.get("message"))
