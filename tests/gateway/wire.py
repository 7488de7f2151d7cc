"""What well-known programs send to a gateway like this one, written down from their traffic.

Codex CLI 0.171, Claude Code 2.1.197, the Vercel AI SDK 6 and OpenAI's JavaScript SDK 6.49 were run
against the gateway and the emulator; their requests are told here in short, with every odd header
and field. The others are read from their public source. Texts are our own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

KEY = "sk-master"
_BEARER = {"authorization": f"Bearer {KEY}"}
_STAINLESS = {
    "x-stainless-lang": "js",
    "x-stainless-retry-count": "0",
    "x-stainless-runtime": "node",
    "x-stainless-timeout": "600",
}
_HELLO = [{"role": "user", "content": "Hello"}]
_USAGE = {"stream_options": {"include_usage": True}}


@dataclass(frozen=True, slots=True)
class Sent:
    """One request of a program.

    Attributes:
        program: Which, and where its request is known from.
        path: With its query.
        headers: Beside the content type.
        body: JSON; None: a GET.
        lost: Fields of the body that do not go up.
        goes_up: Headers that do, by their values.
    """

    program: str
    path: str
    headers: dict[str, str] = field(default_factory=lambda: dict(_BEARER))
    body: dict[str, Any] | None = None
    lost: frozenset[str] = frozenset()
    goes_up: tuple[str, ...] = ()


_CODEX = {
    "model": "gpt-5",
    "stream": True,
    "instructions": "You are a coding agent.",
    "input": [
        {
            "type": "message",
            "id": "msg_0001",
            "role": "developer",
            "content": [{"type": "input_text", "text": "Work in the sandbox."}],
        },
        {
            "type": "message",
            "id": "msg_0002",
            "role": "user",
            "content": [{"type": "input_text", "text": "Say hello"}],
        },
    ],
    "tools": [
        {
            "type": "function",
            "name": "exec_command",
            "strict": False,
            "parameters": {"type": "object", "properties": {"cmd": {"type": "string"}}},
        },
        {
            "type": "custom",
            "name": "apply_patch",
            "description": "Changes files.",
            "format": {"type": "grammar", "syntax": "lark", "definition": 'start: "patch"'},
        },
        {"type": "web_search", "external_web_access": False},
    ],
    "tool_choice": "auto",
    "parallel_tool_calls": True,
    "reasoning": {"summary": "auto"},
    "store": False,
    "include": ["reasoning.encrypted_content"],
    "service_tier": "auto",
    "prompt_cache_key": "01a23194-4b4e-7cd2-b05e-37490652039b",
    "text": {"verbosity": "low"},
    "client_metadata": {"x-codex-installation-id": "134b2404"},
}
_CODEX_HEADERS = {
    **_BEARER,
    "accept": "text/event-stream",
    "accept-encoding": "zstd,gzip",
    "originator": "codex_exec",
    "session-id": "01a23190-3a71-7043-826d-26c8b9764042",
    "thread-id": "01a23190-3a71-7043-826d-26c8b9764042",
    "user-agent": "codex_exec/0.171.0 (Debian 12.0.0; x86_64) unknown (codex_exec; 0.171.0)",
    "x-client-request-id": "01a23190-3a71-7043-826d-26c8b9764042",
    "x-codex-beta-features": "remote_compaction_v2",
    "x-codex-turn-metadata": '{"turn_id":"1","sandbox":"seccomp"}',
}
_BETAS = (
    "claude-code-20250219,context-1m-2025-08-07,interleaved-thinking-2025-05-14,"
    "context-management-2025-06-27,mid-conversation-system-2026-04-07,effort-2025-11-24"
)
_CLAUDE_CODE_HEADERS = {
    **_BEARER,
    **_STAINLESS,
    "accept-encoding": "gzip, deflate, br, zstd",
    "anthropic-beta": _BETAS,
    "anthropic-dangerous-direct-browser-access": "true",
    "anthropic-version": "2023-06-01",
    "user-agent": "claude-cli/2.1.197 (external, sdk-cli)",
    "x-app": "cli",
    "x-claude-code-session-id": "73b5352f-ff4f-4b66-82aa-3da39859db49",
}
_CACHED = {"cache_control": {"type": "ephemeral"}}
_CLAUDE_CODE = {
    "model": "claude-opus",
    "messages": [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "<system-reminder>Today is Tuesday.</system-reminder>"},
                {"type": "text", "text": "Say hello", **_CACHED},
            ],
        },
        {"role": "system", "content": "Agents that can be asked: none."},
    ],
    "system": [
        {"type": "text", "text": "x-anthropic-billing-header: cc_entrypoint=sdk-cli;"},
        {"type": "text", "text": "You are a coding agent.", **_CACHED},
    ],
    "tools": [
        {
            "name": "Bash",
            "description": "Runs a command.",
            "input_schema": {"type": "object", "properties": {"command": {"type": "string"}}},
        }
    ],
}
_CLAUDE_CODE_ASKS = {
    **_CLAUDE_CODE,
    "metadata": {"user_id": '{"device_id":"a1a31d80","account_uuid":""}'},
    "max_tokens": 64000,
    "thinking": {"type": "adaptive"},
    "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
    "output_config": {"effort": "high"},
    "stream": True,
}
_UP = (_BETAS, "2023-06-01")

SENT: dict[str, Sent] = {
    "codex": Sent(
        "Codex CLI, its traffic",
        "/v1/responses",
        _CODEX_HEADERS,
        _CODEX,
        lost=frozenset({"client_metadata"}),
    ),
    "claude code": Sent(
        "Claude Code, its traffic",
        "/v1/messages?beta=true",
        _CLAUDE_CODE_HEADERS,
        _CLAUDE_CODE_ASKS,
        goes_up=_UP,
    ),
    "claude code, with a path": Sent(
        "Claude Code, ANTHROPIC_BASE_URL with /anthropic",
        "/anthropic/v1/messages?beta=true",
        _CLAUDE_CODE_HEADERS,
        _CLAUDE_CODE_ASKS,
        goes_up=_UP,
    ),
    "claude code, two equal keys": Sent(
        "Claude Code, ANTHROPIC_API_KEY and ANTHROPIC_AUTH_TOKEN",
        "/v1/messages?beta=true",
        {**_CLAUDE_CODE_HEADERS, "x-api-key": KEY},
        _CLAUDE_CODE_ASKS,
        goes_up=_UP,
    ),
    "ai sdk, compatible": Sent(
        "Vercel AI SDK, its traffic",
        "/v1/chat/completions",
        {
            **_BEARER,
            "accept-language": "*",
            "sec-fetch-mode": "cors",
            "user-agent": "ai-sdk/openai-compatible/2.0.92 runtime/node.js/v20.20.2",
        },
        {"model": "gpt", "messages": _HELLO, "stream": True, **_USAGE},
    ),
    "ai sdk, openai": Sent(
        "Vercel AI SDK, its traffic",
        "/v1/responses",
        {**_BEARER, "user-agent": "ai-sdk/openai/3.0.141", "sec-fetch-mode": "cors"},
        {
            "model": "gpt",
            "input": [{"role": "user", "content": [{"type": "input_text", "text": "Hello"}]}],
            "stream": True,
        },
    ),
    "ai sdk, anthropic": Sent(
        "Vercel AI SDK, its traffic",
        "/v1/messages",
        {"x-api-key": KEY, "anthropic-version": "2023-06-01", "sec-fetch-mode": "cors"},
        {
            "model": "claude-opus",
            "max_tokens": 64000,
            "messages": [{"role": "user", "content": [{"type": "text", "text": "Hello"}]}],
            "stream": True,
        },
        goes_up=("2023-06-01",),
    ),
    "openai js": Sent(
        "OpenAI's JavaScript SDK, its traffic; n8n and LibreChat are built on it",
        "/v1/chat/completions",
        {**_BEARER, **_STAINLESS, "x-stainless-helper-method": "stream"},
        {"model": "gpt", "messages": _HELLO, "stream": True, "user": "66f0c1", "temperature": 0.7},
    ),
    "anything-llm": Sent(
        "Mintplex-Labs/anything-llm, genericOpenAi: no stream_options, a number of tokens",
        "/chat/completions",
        {**_BEARER, **_STAINLESS},
        {
            "model": "gpt",
            "stream": True,
            "messages": [{"role": "system", "content": "Context:\n[CONTEXT 0]:\n-\n"}, *_HELLO],
            "temperature": 0.7,
            "max_tokens": 1024,
        },
    ),
    "open webui": Sent(
        "open-webui/open-webui, routers/openai.py: who asks stands in headers",
        "/v1/chat/completions",
        {
            **_BEARER,
            "http-referer": "https://openwebui.com/",
            "x-title": "Open WebUI",
            "x-openwebui-user-name": "Ada%20L",
            "x-openwebui-user-email": "ada@example.com",
            "x-openwebui-user-role": "user",
            "cookie": "token=of-the-web-ui",
        },
        {"model": "gpt", "messages": _HELLO, "stream": True},
    ),
    "open webui, azure": Sent(
        "open-webui/open-webui, routers/openai.py: a connection of the kind Azure",
        "/openai/deployments/gpt/chat/completions?api-version=2024-10-21",
        {"api-key": KEY, "api-version": "2024-10-21"},
        {"messages": _HELLO, "stream": True},
    ),
    "continue": Sent(
        "continuedev/continue, core/llm/llms/OpenAI.ts: the key in two headers",
        "/v1/chat/completions",
        {**_BEARER, "api-key": KEY},
        {"model": "gpt", "messages": _HELLO, "max_tokens": 2048, "stream": True, "stop": ["END"]},
    ),
    "aider": Sent(
        "Aider-AI/aider, by LiteLLM's SDK: openai/gpt",
        "/v1/chat/completions",
        {**_BEARER, "x-stainless-lang": "python", "x-stainless-raw-response": "true"},
        {"model": "gpt", "messages": _HELLO, "temperature": 0, "stream": True, **_USAGE},
    ),
    "cursor": Sent(
        "Cursor, a key of OpenAI with another base: tools beside a stream",
        "/v1/chat/completions",
        dict(_BEARER),
        {
            "model": "gpt",
            "messages": [{"role": "system", "content": "You pair-program."}, *_HELLO],
            "temperature": 0,
            "user": "auth0|user_01",
            "stream": True,
            "tools": [
                {
                    "type": "function",
                    "function": {"name": "read", "parameters": {"type": "object"}},
                }
            ],
            **_USAGE,
        },
    ),
    "a slash at the end": Sent(
        "Django-like clients", "/v1/chat/completions/", body={"model": "gpt", "messages": _HELLO}
    ),
}
COUNTED = Sent(
    "Claude Code, its traffic",
    "/v1/messages/count_tokens?beta=true",
    _CLAUDE_CODE_HEADERS,
    _CLAUDE_CODE,
)
MODELS: dict[str, Sent] = {
    "openai js": Sent("OpenAI's JavaScript SDK, its traffic", "/v1/models"),
    "open webui": Sent("open-webui/open-webui, routers/openai.py", "/models"),
    "n8n": Sent("n8n-io/n8n, LmChatOpenAi: the base's last part and /models", "/v1/models"),
    "continue": Sent(
        "continuedev/continue, OpenAI.ts", "/openai/models", {**_BEARER, "api-key": KEY}
    ),
    "a slash at the end": Sent("Django-like clients", "/v1/models/"),
}
DISCOVERED = Sent(
    "Claude Code, its traffic, with CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY",
    "/v1/models?limit=1000",
    {**_BEARER, "anthropic-version": "2023-06-01", "user-agent": "claude-code/2.1.197"},
)
