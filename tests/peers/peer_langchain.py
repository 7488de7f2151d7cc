"""langchain-azure-ai: an agent of its factory, a graph with a checkpointer."""

from __future__ import annotations

from typing import Any

import oracle
from langchain_azure_ai.agents import AgentServiceFactory
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from player import Client, Messages, main, report


class Graph(Client):
    """A thread of the graph."""

    def __init__(self, agent: str, options: dict[str, Any]) -> None:
        super().__init__(agent, options)
        factory = AgentServiceFactory(
            project_endpoint=oracle.ENDPOINT, credential=oracle.Credential()
        )
        self.graph = factory.create_prompt_agent(
            name=agent,
            model="gpt-4o",
            instructions="You are a helpful agent.",
            checkpointer=InMemorySaver(),
        )
        self.config: Any = {"configurable": {"thread_id": "1"}}
        self.turns: list[Any] = []

    def ask(self, text: str, *, stream: bool, timeout: float | None) -> dict[str, Any]:
        """`invoke`, or `stream` of messages."""
        given = {"messages": [HumanMessage(text)]}
        if stream:
            list(self.graph.stream(given, self.config, stream_mode="messages"))
        else:
            self.graph.invoke(given, self.config)
        return self.read()

    def read(self) -> dict[str, Any]:
        """The graph's last message; it says nothing of how the answer ended but by raising."""
        state = self.graph.get_state(self.config)
        self.turns.append(state.config)
        last = state.values["messages"][-1]
        if not isinstance(last, AIMessage):
            return report("", "complete")
        return report(last.text, "complete", tuple(call["name"] for call in last.tool_calls))

    def replay(self, history: Messages) -> dict[str, Any]:
        """A new thread of the graph whose state has messages."""
        kinds = {"user": HumanMessage, "assistant": AIMessage}
        self.graph.invoke({"messages": [kinds[role](text) for role, text in history]}, self.config)
        return self.read()

    def back(self, text: str) -> dict[str, Any]:
        """Time travel: go on from the checkpoint after the first turn."""
        self.graph.invoke({"messages": [HumanMessage(text)]}, self.turns[0])
        return self.read()

    def edit(self, changed: str, text: str) -> dict[str, Any]:
        """`update_state` with a message of the same id."""
        first = self.graph.get_state(self.config).values["messages"][0]
        update = {"messages": [HumanMessage(changed, id=first.id)]}
        self.config = self.graph.update_state(self.config, update)
        self.config["configurable"].pop("checkpoint_id", None)
        return self.ask(text, stream=False, timeout=None)


if __name__ == "__main__":
    main(Graph)
