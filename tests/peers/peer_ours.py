"""azure-agents: `ChatAzureAgent`, given the history in each call."""

from __future__ import annotations

from typing import Any

import oracle
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from player import Client, Messages, give_up, main, report

from langchain_azure_agents import ChatAzureAgent


class Ours(Client):
    """One model; the caller keeps the messages."""

    def __init__(self, agent: str, options: dict[str, Any]) -> None:
        super().__init__(agent, options)
        self.model = self.make()
        self.history: list[BaseMessage] = []

    def make(self, **more: Any) -> ChatAzureAgent:
        """A model with default settings, but for those that the way is about."""
        return ChatAzureAgent(
            model=self.agent,
            endpoint=oracle.ENDPOINT,
            credential="token",
            threads=self.options["threads"],
            **more,
        )

    def ask(self, text: str, *, stream: bool, timeout: float | None) -> dict[str, Any]:
        """`invoke` or `stream` with all messages."""
        model = self.model if timeout is None else self.make(timeout=timeout)
        self.history.append(HumanMessage(text))
        if stream:
            chunks = list(model.stream(self.history))
            return self.keep(sum(chunks[1:], chunks[0]))
        return self.keep(model.invoke(self.history))

    def keep(self, answer: Any) -> dict[str, Any]:
        """Into the history it goes."""
        self.history.append(answer)
        reason = answer.response_metadata.get("finish_reason", "")
        done = "complete" if reason in {"stop", "tool_calls"} else reason
        return report(answer.text, done, tuple(call["name"] for call in answer.tool_calls))

    def replay(self, history: Messages) -> dict[str, Any]:
        """Plain messages."""
        kinds = {"user": HumanMessage, "assistant": AIMessage}
        self.history = [kinds[role](text) for role, text in history]
        return self.keep(self.model.invoke(self.history))

    def back(self, text: str) -> dict[str, Any]:
        """A shorter list."""
        self.history = self.history[:-2]
        return self.ask(text, stream=False, timeout=None)

    def edit(self, changed: str, text: str) -> dict[str, Any]:
        """Another message in the list."""
        self.history[0] = HumanMessage(changed)
        return self.ask(text, stream=False, timeout=None)

    def leave(self, text: str, after: float) -> dict[str, Any]:
        """`ainvoke` in a task."""
        return give_up(lambda: self.model.ainvoke([*self.history, HumanMessage(text)]), after)


if __name__ == "__main__":
    main(Ours)
