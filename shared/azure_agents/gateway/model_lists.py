"""Lists of models, in the form that a client speaks: OpenAI's, Anthropic's or LiteLLM's. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..jsonio import JSON
from .refusals import Refusal
from .requests import Request
from .routes import MODEL_LISTS

_ROOTS = sorted(MODEL_LISTS, key=len, reverse=True)
_ANTHROPIC = "/anthropic/"
# LiteLLM's list. Programs that know its proxy (Cline, Roo Code) fill their menus from it alone.
_INFOS = frozenset({"/model/info", "/v1/model/info"})
_LONG_AGO = "1970-01-01T00:00:00Z"  # Anthropic's form wants a date, and a config has none


def is_models(path: str) -> bool:
    """Whether a path asks for the models, or for one of them.

    Args:
        path: Decoded, without its query.
    """
    return path in MODEL_LISTS or path in _INFOS or bool(_named(path))


def models_of(request: Request, names: Sequence[str]) -> JSON:
    """Answer a request for the models, or for one of them.

    Args:
        request: The request.
        names: Of the models that its key may use.

    Raises:
        Refusal: There is no such model.
    """
    if request.path in _INFOS:
        return {"data": [_of_litellm(one) for one in names]}
    # Claude Code asks for /v1/models in Anthropic's form, and is known by this header.
    is_anthropic = request.path.startswith(_ANTHROPIC) or bool(request.header(b"anthropic-version"))
    made = _of_anthropic if is_anthropic else _of_openai
    name = _named(request.path)
    if name:
        if name not in names:
            raise Refusal(404, f"The model {name[:200]!r} does not exist", code="model_not_found")
        return made(name)
    data = [made(one) for one in names]
    return _list_of_anthropic(data) if is_anthropic else {"object": "list", "data": data}


def _named(path: str) -> str:
    """The model that a path names; "" if it names none."""
    return next((path.removeprefix(f"{one}/") for one in _ROOTS if path.startswith(f"{one}/")), "")


def _of_openai(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "azure-agents"}


def _of_anthropic(name: str) -> dict[str, Any]:
    return {"type": "model", "id": name, "display_name": name, "created_at": _LONG_AGO}


def _of_litellm(name: str) -> dict[str, Any]:
    """Only the name: LiteLLM tells the upstream's, too."""
    return {"model_name": name, "litellm_params": {"model": name}, "model_info": {"id": name}}


def _list_of_anthropic(data: list[dict[str, Any]]) -> JSON:
    ends = {"first_id": data[0]["id"], "last_id": data[-1]["id"]} if data else {}
    return {"data": data, "has_more": False, "first_id": None, "last_id": None, **ends}
