"""litellm: `completion` and `acompletion` with `azure_ai/agents/…`, as its page does it."""

from __future__ import annotations

import asyncio
from typing import Any

import litellm
import oracle
from player import Client, Messages, give_up, main, report

litellm.suppress_debug_info = True


class LiteLLM(Client):
    """What both generations share."""

    def __init__(self, agent: str, options: dict[str, Any]) -> None:
        super().__init__(agent, options)
        model = f"azure_ai/agents/{agent}"
        self.settings = {"model": model, "api_base": oracle.ENDPOINT, "api_key": "any"}
        self.history: list[dict[str, Any]] = []

    def given(self) -> dict[str, Any]:
        """Messages, and what else names the conversation."""
        return {"messages": self.history}

    def ask(self, text: str, *, stream: bool, timeout: float | None) -> dict[str, Any]:
        """A completion, or chunks of one."""
        self.history.append({"role": "user", "content": text})
        limit = {} if timeout is None else {"timeout": timeout}
        if stream:
            told = asyncio.run(self.stream())
        else:
            told = self.read(litellm.completion(**self.given(), **self.settings, **limit))
        self.history.append({"role": "assistant", "content": told["text"]})
        return told

    async def stream(self) -> dict[str, Any]:
        """There is no synchronous stream for classic agents."""
        text, reason, calls = "", "", []
        chunks = await litellm.acompletion(**self.given(), stream=True, **self.settings)
        async for chunk in chunks:
            choice = chunk.choices[0]
            text += choice.delta.content or ""
            calls += [call.function.name for call in choice.delta.tool_calls or []]
            reason = choice.finish_reason or reason
        return report(text, _done(reason), tuple(name for name in calls if name))

    def read(self, answer: Any) -> dict[str, Any]:
        """A completion says how it ended."""
        message, reason = answer.choices[0].message, answer.choices[0].finish_reason
        calls = tuple(call.function.name for call in message.tool_calls or [])
        return report(message.content, _done(reason), calls)

    def replay(self, history: Messages) -> dict[str, Any]:
        """Messages as in any chat completion."""
        self.history = [{"role": role, "content": text} for role, text in history[:-1]]
        return self.ask(history[-1][1], stream=False, timeout=None)

    def back(self, text: str) -> dict[str, Any]:
        """A shorter list."""
        self.history = self.history[:-2]
        return self.ask(text, stream=False, timeout=None)

    def edit(self, changed: str, text: str) -> dict[str, Any]:
        """Another message in the list."""
        self.history[0] = {"role": "user", "content": changed}
        return self.ask(text, stream=False, timeout=None)

    def leave(self, text: str, after: float) -> dict[str, Any]:
        """`acompletion` in a task."""
        self.history.append({"role": "user", "content": text})
        return give_up(lambda: litellm.acompletion(**self.given(), **self.settings), after)


class Classic(LiteLLM):
    """A conversation goes on with `thread_id` and the new message; other histories as messages."""

    def __init__(self, agent: str, options: dict[str, Any]) -> None:
        super().__init__(agent, options)
        self.thread: str | None = None

    def given(self) -> dict[str, Any]:
        """As its page: the new message, and the thread."""
        if self.thread is None:
            return super().given()
        return {"messages": self.history[-1:], "thread_id": self.thread}

    def read(self, answer: Any) -> dict[str, Any]:
        """As its page: where the thread is told."""
        self.thread = answer._hidden_params.get("thread_id")
        return super().read(answer)

    def back(self, text: str) -> dict[str, Any]:
        """The thread has what is to be forgotten: messages only."""
        self.thread = None
        return super().back(text)

    def edit(self, changed: str, text: str) -> dict[str, Any]:
        """As `back`."""
        self.thread = None
        return super().edit(changed, text)


class V2(LiteLLM):
    """The whole history in each call, as in any chat completion."""


def _done(reason: str | None) -> str:
    return "complete" if reason in {"stop", "tool_calls"} else reason or ""


def make(agent: str, options: dict[str, Any]) -> LiteLLM:
    """The way that was asked for."""
    return {"classic": Classic, "v2": V2}[options["way"]](agent, options)


if __name__ == "__main__":
    main(make)  # type: ignore[arg-type]
