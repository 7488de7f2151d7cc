"""What a client hears that asks for a route which is none: LiteLLM's, OpenAI's, or a wrong base.

Programs that were set up for LiteLLM's proxy call its routes for keys, teams and logs; others put
their paths behind a base that has one already. Each hears what to do here. Pure.
"""

from __future__ import annotations

from .refusals import Refusal

_KEYS = "keys stand in the config file: make one with 'azure-agents keys new'"
_SPEND = "GET /spend tells calls, tokens and costs by day, key and model"
_MODELS = "models stand in the config file, which is read anew when it changes"
_MODEL_INFO = "GET /v1/models names the models; 'azure-agents check-config' shows limits and prices"
_HEALTH = "GET /health/liveliness and /health/readiness need no key; /metrics tells of deployments"
_FILTERS = "set a content filter on the deployment"
_OFFERED = "only Azure, Foundry and OpenAI are served"
_NOTHING = "there is nothing of the kind here"
_PAGES = "what the gateway serves is in docs/gateway.md"

# Beginnings of paths, without ``/v1``, and what is to be used instead.
REPLACED: dict[str, str] = {
    **dict.fromkeys(("/key", "/user", "/team", "/organization", "/customer", "/end_user"), _KEYS),
    **dict.fromkeys(("/sso", "/login", "/ui", "/invitation", "/jwt", "/credentials"), _KEYS),
    "/budget": "a key has its `budget` in the config file",
    **dict.fromkeys(("/spend/logs", "/spend", "/global", "/tag", "/cost", "/provider"), _SPEND),
    **dict.fromkeys(("/model_group", "/model_hub", "/v2/model"), _MODEL_INFO),
    **dict.fromkeys(("/model", "/config", "/router", "/reload", "/schedule"), _MODELS),
    **dict.fromkeys(("/health", "/test", "/ping", "/active"), _HEALTH),
    **dict.fromkeys(("/cache", "/redis"), "answers are not cached here"),
    **dict.fromkeys(("/guardrails", "/policies", "/policy", "/moderations"), _FILTERS),
    **dict.fromkeys(("/mcp", "/mcp-rest", "/toolset", "/search_tools"), "tools run at the agent"),
    **dict.fromkeys(("/callbacks", "/alerting", "/langfuse"), "metrics are at GET /metrics"),
    "/utils/token_counter": "POST /v1/messages/count_tokens counts for Claude",
    **dict.fromkeys(("/utils", "/prompts", "/queue", "/debug", "/pass-through"), _NOTHING),
    **dict.fromkeys(("/vertex_ai", "/vertex-ai", "/gemini", "/bedrock", "/cohere"), _OFFERED),
    **dict.fromkeys(("/mistral", "/assemblyai", "/vllm", "/rerank", "/v2/rerank"), _OFFERED),
    **dict.fromkeys(("/assistants", "/threads"), "ask the agent by POST /v1/chat/completions"),
    **dict.fromkeys(("/docs", "/redoc", "/openapi.json", "/routes", "/swagger"), _PAGES),
    "/engines": "write the model as /openai/deployments/{model}/…, or in the body",
}
_BY_LENGTH = sorted(REPLACED, key=len, reverse=True)
_VERSION = "/v1"
_TWICE = f"{_VERSION}{_VERSION}/"


def no_route(method: str, path: str) -> Refusal:
    """Say that a path is no route, and what was probably meant.

    Args:
        method: HTTP method.
        path: Decoded, without its query.
    """
    told = f"no route {method} {path[:200]}"
    hint = _hint(path)
    return Refusal(404, f"{told}: {hint}" if hint else told, code="not_found")


def _hint(path: str) -> str:
    if path.startswith("//"):
        return "the client's base ends in a slash: leave it out"
    if path.startswith(_TWICE):
        return "the client puts /v1 in front itself: leave it out of its base"
    bare = path.removeprefix(_VERSION)
    found = (one for one in _BY_LENGTH if bare == one or bare.startswith(f"{one}/"))
    return REPLACED.get(next(found, ""), "")
