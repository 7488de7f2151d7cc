"""What a call of `completion` costs in CPU: a deployment against an agent, and long histories.

The network is a transport in process that answers with fixed bytes, so the numbers are ours and
httpx's. Both kinds of calls alternate in one run: only their ratio is told, since machines differ.
"""

from __future__ import annotations

import gc
import json
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import httpx

from azure_agents import completion

ROUNDS, CALLS = 15, 40
LONG = 1000
USAGE = {"input_tokens": 9, "output_tokens": 3, "total_tokens": 12}
AGENT = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1,
    "status": "completed",
    "model": "gpt-4.1-mini",
    "output": [
        {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": "Hi", "annotations": []}],
        }
    ],
    "usage": USAGE,
}
CHAT = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-4.1-mini-2025-04-14",
    "choices": [
        {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hi"}}
    ],
    "usage": {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12},
}


CHATS, AGENTS = json.dumps(CHAT).encode(), json.dumps(AGENT).encode()


class Fixed(httpx.BaseTransport):
    """Answers at once."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Give the fixed bytes."""
        is_chat = request.url.path.endswith("/chat/completions")
        stream = httpx.ByteStream(CHATS if is_chat else AGENTS)
        return httpx.Response(200, headers={"content-type": "application/json"}, stream=stream)


TRANSPORT = Fixed()


def ask_agent(messages: list[dict[str, str]]) -> None:
    """One call of an agent."""
    completion(
        "azure_ai/agents/my-agent",
        messages,
        api_base="https://my-resource.services.ai.azure.com/api/projects/p",
        threads="ephemeral",  # one request, as for a deployment
        azure_ad_token="a-token",  # noqa: S106 - invented
        transport=TRANSPORT,
    )


def ask_deployment(messages: list[dict[str, str]], *, looks: bool = False) -> None:
    """One call of a deployment; `looks` also reads what it cost."""
    given: dict[str, Any] = {"api_base": "https://my-resource.openai.azure.com", "api_key": "a-key"}
    made = completion("azure/my-deployment", messages, transport=TRANSPORT, **given)
    if looks:
        made._hidden_params  # noqa: B018, SLF001 - reading works the cost out


def history(length: int) -> list[dict[str, str]]:
    """So many messages, of user and assistant in turn."""
    roles = ("user", "assistant")
    return [{"role": roles[i % 2], "content": f"message {i}"} for i in range(length - 1)] + [
        {"role": "user", "content": "Hello"}
    ]


def seconds(*ways: Callable[[], None], calls: int = CALLS) -> list[float]:
    """CPU seconds of one call in each way, the ways in turn; the best quarter of the rounds."""
    found: list[list[float]] = [[] for _ in ways]
    for _ in range(ROUNDS):
        for way, times in zip(ways, found, strict=True):
            gc.collect()
            began = time.process_time()
            for _ in range(calls):
                way()
            times.append((time.process_time() - began) / calls)
    return [statistics.mean(sorted(times)[: max(1, ROUNDS // 4)]) for times in found]


def main() -> int:
    """Print the ratios."""
    hello, long = history(1), history(LONG)
    for warm in (ask_agent, ask_deployment):
        warm(hello)
    agent, deployment, looking = seconds(
        lambda: ask_agent(hello),
        lambda: ask_deployment(hello),
        lambda: ask_deployment(hello, looks=True),
    )
    short, whole = seconds(lambda: ask_deployment(hello), lambda: ask_deployment(long), calls=8)
    each = (whole - short) / (LONG - 1)
    sys.stdout.write(
        f"an agent's call                 {agent * 1e3:6.2f} ms\n"
        f"a deployment's call             {deployment * 1e3:6.2f} ms\n"
        f"  as a part of the agent's      {deployment / agent:6.2f}\n"
        f"the same, its cost looked at    {looking * 1e3:6.2f} ms\n"
        f"a message of a long history     {each * 1e6:6.2f} us\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
