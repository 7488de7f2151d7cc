"""azure-ai-agents: thread, message, run, as its README and samples do it."""

from __future__ import annotations

from typing import Any

import oracle
from azure.ai.agents import AgentsClient
from azure.ai.agents import models as m
from azure.ai.agents.aio import AgentsClient as AsyncAgentsClient
from player import Client, Messages, MissingError, give_up, main, report


class AsyncCredential:
    """The asynchronous client wants to await its token."""

    async def get_token(self, *scopes: str, **_: Any) -> oracle.Token:
        """A token for an hour."""
        return oracle.Credential().get_token(*scopes)

    async def close(self) -> None:
        """Nothing to close."""


class Agents(Client):
    """A thread that is made when the first question comes."""

    def __init__(self, agent: str, options: dict[str, Any]) -> None:
        super().__init__(agent, options)
        self.client = AgentsClient(oracle.ENDPOINT, oracle.Credential())
        self.thread = ""

    def ask(self, text: str, *, stream: bool, timeout: float | None) -> dict[str, Any]:
        """A message, and a run to its end."""
        if timeout is not None:
            raise MissingError("no timeout for a run: `create_and_process` polls until it ends")
        self.thread = self.thread or self.client.threads.create().id
        self.client.messages.create(thread_id=self.thread, role="user", content=text)
        return self.stream() if stream else self.process()

    def process(self) -> dict[str, Any]:
        """`create_and_process`, then the agent's last message."""
        run = self.client.runs.create_and_process(thread_id=self.thread, agent_id=self.agent)
        if run.status != m.RunStatus.COMPLETED:
            return report("", f"run {_word(run.status)}")
        last = self.client.messages.get_last_message_text_by_role(
            thread_id=self.thread, role=m.MessageRole.AGENT
        )
        return report(last and last.text.value, "complete")

    def stream(self) -> dict[str, Any]:
        """The events of a run, one by one."""
        text, status, calls = "", "", ()
        with self.client.runs.stream(thread_id=self.thread, agent_id=self.agent) as events:
            for kind, data, _ in events:
                if isinstance(data, m.MessageDeltaChunk):
                    text += data.text
                elif isinstance(data, m.ThreadRun):
                    status, calls = _word(data.status), _calls(data)
                elif kind == m.AgentStreamEvent.ERROR:
                    status = f"error event {data}"
        if status == "completed":
            return report(text, "complete")
        if status == "requires_action":
            return report(text, "complete", calls)
        is_open = status in {"queued", "in_progress", ""}
        return report(text, "" if is_open else f"run {status}")

    def replay(self, history: Messages) -> dict[str, Any]:
        """A thread made with messages."""
        messages = [m.ThreadMessageOptions(role=role, content=text) for role, text in history]
        self.thread = self.client.threads.create(messages=messages).id
        return self.process()

    def back(self, text: str) -> dict[str, Any]:
        """A thread only grows."""
        raise MissingError("a thread only grows, and the client keeps no history of its own")

    def edit(self, changed: str, text: str) -> dict[str, Any]:
        """A thread only grows."""
        return self.back(text)

    def leave(self, text: str, after: float) -> dict[str, Any]:
        """The same calls on the asynchronous client."""

        async def process() -> None:
            async with AsyncAgentsClient(oracle.ENDPOINT, AsyncCredential()) as client:
                await client.messages.create(thread_id=self.thread, role="user", content=text)
                await client.runs.create_and_process(thread_id=self.thread, agent_id=self.agent)

        return give_up(process, after)


def _word(status: m.RunStatus | str) -> str:
    """A status; one that the SDK does not know is a plain string."""
    return str(getattr(status, "value", status))


def _calls(run: m.ThreadRun) -> tuple[str, ...]:
    action = run.required_action
    if not isinstance(action, m.SubmitToolOutputsAction):
        return ()
    return tuple(call.function.name for call in action.submit_tool_outputs.tool_calls)


if __name__ == "__main__":
    main(Agents)
