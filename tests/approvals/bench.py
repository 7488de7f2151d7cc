"""An agent whose tool waits for approval, clients on a clock that takes no time, and a count.

What counts is how often the tool ran on the server, whatever became of the answers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from copy import copy
from typing import Any

from azure_agents.client.agent_client import AgentClient, AsyncAgentClient
from azure_agents.emulator import Emulator, McpApproval, McpCall, Parts, Text
from azure_agents.events import ApprovalRequest
from azure_agents.fold import Completion, fold
from azure_agents.messages import ApprovalReply, Message, TurnRequest, assistant, user
from azure_agents.settings.timeouts import Timeouts
from azure_agents.threads.memory import MemoryThreadStore

PATH = '{"path": "/tmp/x"}'
ASKED = user("delete it")
WAYS = ("whole", "streamed", "async whole", "async streamed")
TURN = r"/responses$"


class Bench:
    """One agent, one client, one store.

    Args:
        threads: Thread policy.
        way: One of `WAYS`.
        background: Whether responses run in the background.
        settings: More settings of the client.
    """

    def __init__(
        self,
        threads: str = "auto",
        way: str = "whole",
        *,
        generation: Any = "v2",
        background: bool = False,
        **settings: Any,
    ) -> None:
        self.foundry = Emulator(seed=5)
        self.runs = 0
        self.agent = self.foundry.create_agent("files", self._files, generation=generation)
        self.threads, self.way, self.background = threads, way, background
        self._settings = settings
        self._keys = map("op{}".format, range(999))
        self.connect(MemoryThreadStore())

    @classmethod
    def like(cls, other: Bench) -> Bench:
        """Another caller of the same agent."""
        twin = copy(other)
        twin.connect(MemoryThreadStore())
        return twin

    def _files(self, turn: Any) -> Any:
        last = turn.messages[-1]
        if last.text == "delete it":
            return McpApproval("files", "delete", PATH)
        if (last.role, last.text) == ("tool", "approved"):
            self.runs += 1
            return Parts(McpCall("files", "delete", PATH, "gone"), Text("Deleted."))
        return f"Noted: {last.text}"

    def connect(self, store: Any) -> None:
        """New clients, as in another worker."""
        arguments: Any = {
            "model": self.agent.model,
            "threads": self.threads,
            "timeout": Timeouts(read=5, first_event=5, between_events=5, turn=60.0),
            "thread_store": store,
            "operation_keys": self._keys.__next__,
            "clock": self.foundry.clock,
            **self.foundry.connection(),
            **self._settings,
        }
        self.sync, self.aio = AgentClient(**arguments), AsyncAgentClient(**arguments)

    def ask(self, *messages: Message, pin: str | None = None) -> Completion:
        """One call."""
        options = {"background": True} if self.background else {}
        request = TurnRequest(messages, thread_id=pin, options=options)
        if self.way == "whole":
            return self.sync.complete(request)
        if self.way == "streamed":
            return fold(self.sync.stream(request))
        return asyncio.run(self._ask(request))

    async def _ask(self, request: TurnRequest) -> Completion:
        if self.way == "async whole":
            return await self.aio.complete(request)
        async with aclosing(self.aio.stream(request)) as events:
            return fold([event async for event in events])

    def asks(self) -> tuple[list[Message], ApprovalRequest]:
        """The history in which the agent asks, and what it asks for."""
        answer = self.ask(ASKED)
        request = request_of(answer)
        said = assistant(answer.text, anchor=answer.finished.anchor, asks=(request,))
        return [ASKED, said], request

    @property
    def posts(self) -> int:
        """How often a decision went out as what it is."""
        return sum("mcp_approval_response" in str(r.body) for r in self.foundry.requests)

    def looks(self) -> list[str]:
        """The requests that look for a response whose id is not known."""
        lists = ("/responses", "/items")
        paths = [r.path for r in self.foundry.requests if r.method == "GET"]
        return [path for path in paths if path.endswith(lists)]


def request_of(answer: Completion) -> ApprovalRequest:
    """What an answer asks approval for."""
    (request,) = [block for block in answer.blocks if isinstance(block, ApprovalRequest)]
    return request


def decision(id: str, *, approve: bool = True, reason: str | None = None) -> Message:
    """A user's decision."""
    return Message("user", (ApprovalReply(id, approve, reason),))


def texts(messages: Sequence[Any]) -> list[tuple[str, str]]:
    """Role and text of each message."""
    return [(m.role, m.text) for m in messages]
