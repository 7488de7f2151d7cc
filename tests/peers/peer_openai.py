"""openai, through azure-ai-projects' `get_openai_client()`, as its README and samples do it."""

from __future__ import annotations

from typing import Any

import oracle
from azure.ai.projects import AIProjectClient
from player import Client, Messages, MissingError, main, report


class OpenAI(Client):
    """What both ways share: how a response is read."""

    def __init__(self, agent: str, options: dict[str, Any]) -> None:
        super().__init__(agent, options)
        self.client = AIProjectClient(oracle.ENDPOINT, oracle.Credential()).get_openai_client()
        reference = {"type": "agent_reference", "name": agent}
        self.by: dict[str, Any] = {"extra_body": {"agent_reference": reference}}

    def respond(self, *, stream: bool = False, **where: Any) -> dict[str, Any]:
        """`responses.create`, plain or as a stream of events."""
        if stream:
            return self.stream(where)
        return self.read(self.client.responses.create(**where, **self.by))

    def read(self, response: Any) -> dict[str, Any]:
        """A response says how it ended."""
        self.kept(response)
        calls = tuple(item.name for item in response.output if item.type == "function_call")
        done = "complete" if response.status == "completed" else f"response {response.status}"
        return report(response.output_text, done, calls)

    def stream(self, where: dict[str, Any]) -> dict[str, Any]:
        """As the sample with stream events: the terminal event has the response."""
        text = ""
        ends = {"response.completed", "response.failed", "response.incomplete"}
        with self.client.responses.create(stream=True, **where, **self.by) as events:
            for event in events:
                if event.type == "response.output_text.delta":
                    text += event.delta
                elif event.type in ends:
                    return self.read(event.response)
        return report(text, "")

    def kept(self, response: Any) -> None:
        """A response came."""


class Conversation(OpenAI):
    """A conversation made with the first message; every other message is an item."""

    def __init__(self, agent: str, options: dict[str, Any]) -> None:
        super().__init__(agent, options)
        self.conversation = ""

    def ask(self, text: str, *, stream: bool, timeout: float | None) -> dict[str, Any]:
        """As the basic sample."""
        items = [{"type": "message", "role": "user", "content": text}]
        if self.conversation:
            self.client.conversations.items.create(self.conversation, items=items)
        else:
            self.conversation = self.client.conversations.create(items=items).id
        return self.respond(stream=stream, conversation=self.conversation)

    def replay(self, history: Messages) -> dict[str, Any]:
        """A conversation made with all messages."""
        items = [{"type": "message", "role": role, "content": text} for role, text in history]
        self.conversation = self.client.conversations.create(items=items).id
        return self.respond(conversation=self.conversation)

    def back(self, text: str) -> dict[str, Any]:
        """A conversation only grows."""
        raise MissingError("a conversation only grows, and the client keeps no history of its own")

    def edit(self, changed: str, text: str) -> dict[str, Any]:
        """A conversation only grows."""
        return self.back(text)


class Chain(OpenAI):
    """Each response names the one before."""

    def __init__(self, agent: str, options: dict[str, Any]) -> None:
        super().__init__(agent, options)
        self.ids: list[str] = []

    def kept(self, response: Any) -> None:
        """The next turn continues it."""
        self.ids.append(response.id)

    def ask(self, text: str, *, stream: bool, timeout: float | None) -> dict[str, Any]:
        """`previous_response_id`, as the README."""
        before = {"previous_response_id": self.ids[-1]} if self.ids else {}
        return self.respond(stream=stream, input=text, **before)

    def replay(self, history: Messages) -> dict[str, Any]:
        """All messages as input."""
        given = [{"role": role, "content": text} for role, text in history]
        return self.respond(input=given)

    def back(self, text: str) -> dict[str, Any]:
        """Continue an older response."""
        self.ids.pop()
        return self.ask(text, stream=False, timeout=None)

    def edit(self, changed: str, text: str) -> dict[str, Any]:
        """What was said is on the server."""
        raise MissingError("the history is on the server, and the client keeps none of its own")


def make(agent: str, options: dict[str, Any]) -> OpenAI:
    """The way that was asked for."""
    kinds = {"conversation": Conversation, "chain": Chain}
    return kinds[options["way"]](agent, options)


if __name__ == "__main__":
    main(make)  # type: ignore[arg-type]
