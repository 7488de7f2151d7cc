"""What it takes to ask a model one turn: the question, the answer, and what holds for all turns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ..jsonio import JSON


@dataclass(frozen=True, slots=True)
class Asked:
    """One turn to be asked.

    Attributes:
        messages: The history, in OpenAI's format.
        operation: The name of the turn.
        is_repeated: It may have been asked before.
    """

    messages: Sequence[JSON]
    operation: str
    is_repeated: bool = False


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer.

    Attributes:
        message: As it goes into the history.
        ids: ``thread_id`` and ``response_id``, as far as known.
        usage: Tokens; None: not told.
        cost: US dollars; None: not known.
        finish_reason: Why it ended.
        headers: That tell limits.
    """

    message: JSON
    ids: Mapping[str, str | None]
    usage: JSON | None
    cost: float | None
    finish_reason: str | None
    headers: Mapping[str, str]


class Asker(Protocol):
    """Asks one model."""

    async def ask(self, asked: Asked) -> Answered:
        """Ask one turn.

        Args:
            asked: The turn.

        Raises:
            AzureAgentsError: It was not answered.
        """


@dataclass(frozen=True, slots=True)
class Wanted:
    """What holds for every turn of a run.

    Attributes:
        instructions: Beside the agent's own; None: none.
        tools: Functions, in OpenAI's form.
        response_format: Of objects as answers; None: texts.
        arguments: More arguments of `completion`.
    """

    instructions: str | None
    tools: Sequence[JSON]
    response_format: JSON | None
    arguments: Mapping[str, Any]

    @property
    def options(self) -> dict[str, Any]:
        """The options of a call."""
        tools = {"tools": list(self.tools)} if self.tools else {}
        wanted = {} if self.response_format is None else {"response_format": self.response_format}
        return {**tools, **wanted}

    def before(self, messages: Sequence[JSON]) -> list[JSON]:
        """The messages with the instructions first.

        Args:
            messages: The history.
        """
        if self.instructions is None:
            return list(messages)
        return [{"role": "system", "content": self.instructions}, *messages]
