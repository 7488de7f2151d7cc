"""Structured output: how an agent gets the schema, how its answer is read, one repair. Pure.

A classic run takes the schema itself (`response_format`). A v2 agent takes none with a call: the
schema of its own definition is in force (`AgentClient.answer_schema`), and an agent without one
gets the schema in a system message (`instruction`). In every case the answer is checked here, and a
wrong one gets one more round, in which the agent reads what was wrong. A refused or a cut answer is
an error at once: asked again, the agent would say the same.

Two rooms ask in this way, with the same words and the same check. One is inside a turn, for
``response_format`` of a call (`protocols.responses.objects`); it knows the JSON schema only. The
other is around turns, for ``with_structured_output`` and ``structured_predict`` of the adapters: a
class is checked by its own validators there, callbacks see both rounds, and objects stream as
they grow. Their calls take no ``response_format`` on v2, so that no answer is checked twice.

The frameworks' own way, one forced function tool with the schema, does not fit: a v2 agent's tools
are declared on the server, and a run would be left waiting for the tool's output.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Self, TypeVar

from ..errors import ProtocolError, RefusedError, StructuredOutputError

JSON_OBJECT = {"type": "json_object"}
_SHOWN = 200  # characters of an answer that an error repeats

Object = TypeVar("Object")


def response_format(
    name: str, schema: Mapping[str, Any], *, strict: bool | None = None
) -> dict[str, Any]:
    """Make the `response_format` of a classic run.

    Args:
        name: Any title; characters that the service refuses are replaced.
        schema: The JSON schema of the object.
        strict: Whether the service shall enforce it to the letter; None: as the service decides.
    """
    named: dict[str, Any] = {"name": re.sub(r"[^\w-]", "_", name)[:64], "schema": dict(schema)}
    if strict is not None:
        named["strict"] = strict
    return {"type": "json_schema", "json_schema": named}


def instruction(schema: Mapping[str, Any]) -> str:
    """Word a request for an object; for one answer, since a pinned thread keeps the words."""
    return (
        "Give your next answer, and only that one, as one JSON object that is valid under this "
        f"JSON schema, with nothing else around it:\n{json.dumps(schema, ensure_ascii=False)}"
    )


def json_of(text: str) -> str:
    """Take the JSON of an answer out of its Markdown fence, if it has one."""
    text = text.strip()
    if not text.startswith("```"):
        return text
    return text.partition("\n")[2].removesuffix("```").strip()


@dataclass(frozen=True, slots=True)
class Answer:
    """The facts of an answer by which an object is read.

    Attributes:
        text: Its text, without the refusal.
        reason: Why it ended: ``stop`` is well.
        refusal: The text of a refusal.
        incomplete_reason: The service's word for why it is incomplete.
        facts: Ids for an error: `thread_id`, `run_id`, `response_id`.
    """

    text: str
    reason: str | None
    refusal: str = ""
    incomplete_reason: str | None = None
    facts: Mapping[str, Any] | None = None

    @classmethod
    def of(cls, text: str, refusal: str, kept: Mapping[str, Any]) -> Self:
        """Take the rest from the fields that an answer keeps beside its text at every door.

        Args:
            text: Its text, without the refusal.
            refusal: The text of a refusal.
            kept: Its metadata: ``finish_reason``, ``incomplete_reason`` and ids.
        """
        facts = {name: kept.get(name) for name in ("thread_id", "run_id", "response_id")}
        ending = kept.get("finish_reason"), refusal, kept.get("incomplete_reason")
        return cls(text, *ending, facts)


class Inquiry(Generic[Object]):
    """A request for one object, in one or two rounds.

    Args:
        parse: Makes the object of a JSON text; what is wrong with the text is a ``ValueError``
            (pydantic's are) or a `ProtocolError`.
        is_agents_schema: The schema of the agent's own definition is in force.

    Attributes:
        repair: The next message to the agent, after an answer that was no object.
    """

    def __init__(self, parse: Callable[[str], Object], *, is_agents_schema: bool = False) -> None:
        self._parse = parse
        self._hint = ""
        if is_agents_schema:
            self._hint = "; the schema of the agent's definition is in force: see that it fits"
        self.repair = ""

    def read(self, answer: Answer) -> Object | None:
        """Read the object of an answer; None the first time it has none: send `repair`, read again.

        Raises:
            RefusedError: The agent refused.
            StructuredOutputError: Cut, empty, or wrong for the second time.
        """
        _check_ending(answer)
        try:
            return self._parse(json_of(answer.text))
        except (ProtocolError, ValueError) as exc:
            problem = problem_of(exc)
            if self.repair:
                raise _failure(f"the answer is not valid ({problem}{self._hint})", answer) from exc
        self.repair = f"This is not valid: {problem}. Answer again, with the JSON object only."
        return None


def problem_of(error: Exception) -> str:
    """Describe what a parser found wrong; pydantic's errors, old and new, one after the other."""
    details = getattr(error, "errors", None)
    if details is None:
        return str(error)
    return "; ".join(f"{_place(each['loc'])}: {each['msg']}" for each in details())


def _place(steps: tuple[Any, ...]) -> str:
    return ".".join(map(str, steps)) or "the answer"


def _check_ending(answer: Answer) -> None:
    if answer.refusal:
        text = answer.refusal
        raise RefusedError(f"the agent refused: {text}", partial_text=text, **(answer.facts or {}))
    if answer.reason != "stop":
        why = answer.incomplete_reason or answer.reason
        raise _failure(f"the answer is not whole ({why})", answer)
    if not answer.text.strip():
        raise _failure("the agent said nothing", answer)


def _failure(what: str, answer: Answer) -> StructuredOutputError:
    said = answer.text[:_SHOWN]
    return StructuredOutputError(
        f"{what}, it said {said!r}", partial_text=answer.text, **(answer.facts or {})
    )
