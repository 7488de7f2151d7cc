"""What a run would cost, before it is asked: by the length of its questions and the price table."""

from __future__ import annotations

from dataclasses import dataclass

from ..prices.cost import cost_of
from .plan import Input

TOKENS_OF_AN_ANSWER = 256  # of each turn; a guess that is said
BYTES_OF_A_TOKEN = 4  # of English text, as the router counts


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run would use.

    Attributes:
        rows: To be asked.
        tokens_in: Of the questions and the instructions.
        tokens_out: Of the answers.
        usd: US dollars; None: the price of the model is not known.
        why: Why there is no price; "": there is one.
    """

    rows: int
    tokens_in: int
    tokens_out: int
    usd: float | None
    why: str


def estimate_run(
    model: str, found: Input, rows: int, instructions: str | None, base_model: str | None
) -> Estimate:
    """Estimate what is left to be asked, each row as long as they are on average.

    Args:
        model: The model string.
        found: The input.
        rows: How many of its rows are to be asked.
        instructions: Sent with every turn.
        base_model: Whose prices hold; None: those of the model.
    """
    share = rows / found.total
    turns = found.turns * share
    beside = len((instructions or "").encode()) / BYTES_OF_A_TOKEN * turns
    tokens_in = round(found.tokens.input * share + beside)
    tokens_out = round(turns * TOKENS_OF_AN_ANSWER)
    usage = {"prompt_tokens": tokens_in, "completion_tokens": tokens_out}
    cost = cost_of({"model": model, "usage": usage}, base_model or model)
    return Estimate(rows, tokens_in, tokens_out, cost.usd, "; ".join(map(str, cost.unknown)))
