"""How much Claude thinks: reasoning effort as adaptive thinking or as a budget, by model. Pure.

As of 2026-11: models up to 4.5 take a budget in tokens and refuse adaptive thinking; those from 4.6
on decide themselves, by an effort, and from 4.7 on they refuse a budget. So the older ones are
listed, and a model that is new tomorrow is asked in the newest form.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from ...errors import InvalidRequestError
from ...jsonio import JSON
from ...naming import near, shown
from ..names import ModelName

DEFAULT_MAX_TOKENS = 4096
_LEAST_BUDGET = 1024  # the service's own bound
# The first three are LiteLLM's numbers; the service knows no such names for a budget.
BUDGETS = {
    "minimal": 1024,
    "low": 1024,
    "medium": 2048,
    "high": 4096,
    "xhigh": 8192,
    "max": 16384,
}
_EFFORTS = ("none", *BUDGETS)
# Models that take a budget, by how their names begin.
_BUDGET_MODELS = re.compile(
    r"claude-(?:3-|haiku-4-5|(?:opus|sonnet)-4(?:$|-0$|-1(?!\d)|-5(?!\d)|-20250))"
)
_NUMBERED = re.compile(r"claude-.*\d")


class Thinking(NamedTuple):
    """What goes up of thinking.

    Attributes:
        thinking: The field of that name; None: the model's default.
        effort: Of ``output_config``; None: the model's default.
    """

    thinking: JSON | None = None
    effort: str | None = None

    @property
    def budget(self) -> int:
        """Tokens that thinking may take of ``max_tokens``; 0 where it has no budget of its own."""
        found: int = (self.thinking or {}).get("budget_tokens", 0)
        return found


def read_thinking(fields: Mapping[str, Any], model: ModelName) -> Thinking:
    """Read ``thinking`` and ``reasoning_effort``.

    Args:
        fields: The arguments of the call.
        model: What answers; `base_model` tells what stands behind a deployment of another name.

    Raises:
        InvalidRequestError: A value is unknown, or both say the same.
    """
    given, effort = _given(fields.get("thinking")), fields.get("reasoning_effort")
    if effort is None:
        return Thinking(given)
    if effort not in _EFFORTS:
        hint = near(effort, _EFFORTS) if isinstance(effort, str) else ""
        raise InvalidRequestError(
            f"reasoning_effort={shown(effort)} is unknown{hint}: use "
            f"{', '.join(map(repr, _EFFORTS))}"
        )
    takes_budget = _takes_budget(model)
    if given is not None:
        return _both(given, effort, takes_budget=takes_budget)
    if effort == "none":
        # Some newer models think unless they are told not to; the older ones do only if told.
        return Thinking(None if takes_budget else {"type": "disabled"})
    if takes_budget:
        return Thinking({"type": "enabled", "budget_tokens": BUDGETS[effort]})
    return Thinking({"type": "adaptive"}, _adaptive(effort))


def _given(thinking: object) -> JSON | None:
    if thinking is None:
        return None
    if not isinstance(thinking, Mapping):
        raise InvalidRequestError(f"thinking must be a dictionary, got {shown(thinking)}")
    budget = thinking.get("budget_tokens")
    if budget is not None and (type(budget) is not int or budget < _LEAST_BUDGET):
        raise InvalidRequestError(
            f"thinking: budget_tokens must be a whole number, {_LEAST_BUDGET} or more, got "
            f"{shown(budget)}"
        )
    return dict(thinking)


def _both(given: JSON, effort: str, *, takes_budget: bool) -> Thinking:
    if takes_budget or effort == "none":
        raise InvalidRequestError("thinking= and reasoning_effort= say the same: pass one of them")
    return Thinking(given, _adaptive(effort))


def _adaptive(effort: str) -> str:
    return "low" if effort == "minimal" else effort  # OpenAI's least has no name of its own here


def _takes_budget(model: ModelName) -> bool:
    named = (model.base_model or model.name).lower().rpartition("/")[2].replace(".", "-")
    if not _NUMBERED.match(named):
        raise InvalidRequestError(
            f"reasoning_effort= with {model.requested!r}: its name does not tell which Claude "
            "answers; pass base_model=, such as 'claude-sonnet-4-5', or thinking= itself"
        )
    return _BUDGET_MODELS.match(named) is not None
