"""What answers for an agent: its script, or the built-in responder.

The built-in responder understands no language. It calls a declared function when the words of a
message match it, answers from attached files, fills in a schema, remembers names, and echoes
everything else.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ... import jsonio
from ..text.reading import sentences_of, words_of
from .choosing import choose_calls
from .replies import Failed, Text, parts_of
from .schemas import Evidence, SchemaError, sample
from .server_tools import Citation

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from .replies import Part, Reply, Script
    from .seen import SeenTurn
    from .server_tools import FileSearch

_NAME = re.compile(r"\bmy name is (\w+)", re.IGNORECASE)
_KEYS = re.compile(r"\b(?:keys?|fields?|properties|property)\b", re.IGNORECASE)
_KEY = re.compile(r"'(\w+)'|\"(\w+)\"")
_ASKED = re.compile(r"\bwhat(?:'s| is) my name\b|\bwho am i\b", re.IGNORECASE)


class Responder:
    """Answers the turns of one agent from its script; safe to call from several threads.

    Args:
        script: One reply for every turn, a function of the turn, or several replies played in
            order (the last one repeats); None for the built-in responder.
    """

    def __init__(self, script: Script) -> None:
        self._lock = threading.Lock()
        self._script = script
        self._played: Iterator[Reply] | None = None
        self._last: Reply = ""
        if isinstance(script, list | tuple):
            if not script:
                raise ValueError("the list of replies is empty; write at least one reply")
            self._played = iter(script)
        elif isinstance(script, Iterator):
            self._played = script

    @property
    def is_scripted(self) -> bool:
        """Whether it has a script; without one it is the built-in responder."""
        return self._script is not None

    @property
    def may_block(self) -> bool:
        """Whether answering runs a function of the caller's."""
        return callable(self._script)

    def answer(self, turn: SeenTurn) -> tuple[Part, ...]:
        """Return the parts of the answer to this turn."""
        if self._played is not None:
            return parts_of(self._next())
        if self._script is None:
            return parts_of(built_in_reply(turn))
        if callable(self._script):
            return parts_of(self._script(turn))
        return parts_of(self._script)  # type: ignore[arg-type]  # iterators are gone by now

    def _next(self) -> Reply:
        assert self._played is not None  # noqa: S101 - for the type checker
        with self._lock:
            self._last = next(self._played, self._last)
            return self._last


def built_in_reply(turn: SeenTurn) -> Reply:
    """Answer without a script: with calls, JSON for a schema, an answer from files, or talk.

    A schema that the responder cannot fill in fails the turn, and the error names the keyword.
    """
    try:
        return _choose_reply(turn)
    except SchemaError as error:
        return Failed("server_error", str(error))


def _choose_reply(turn: SeenTurn) -> Reply:
    calls = choose_calls(turn)
    if calls is not None:
        return calls
    schema = turn.schema if turn.schema is not None else asked_schema(turn)
    if schema is not None:
        return _structured(turn, schema)
    last = turn.messages[-1] if turn.messages else None
    if turn.library is not None and last is not None and last.role == "user":
        searched = turn.search()
        if searched.results:
            return [searched, _from_file(turn, searched)]
    return converse(turn)


def asked_schema(turn: SeenTurn) -> Mapping[str, Any] | None:
    """Find the schema that a caller asks for in words: in its instructions, or as quoted keys."""
    instructions = (m.text for m in reversed(turn.messages) if m.role in {"developer", "system"})
    start, decoder = next(instructions, ""), json.JSONDecoder()
    while (place := start.find("{")) >= 0:
        start = start[place:]
        try:
            found, _ = decoder.raw_decode(start)
        except ValueError:
            found = None
        if isinstance(found, dict) and found.keys() & {"properties", "$ref", "anyOf"}:
            return found
        start = start[1:]
    text = turn.last_user_text
    return {} if re.search(r"\bJSON\b", text) and _quoted_keys(text) else None


def _structured(turn: SeenTurn, schema: Mapping[str, Any]) -> str:
    text = turn.last_user_text
    return jsonio.dumps(sample(schema or _named_keys(text), Evidence(text))).decode()


def _quoted_keys(text: str) -> list[str]:
    return [one or other for one, other in _KEY.findall(text)] if _KEYS.search(text) else []


def _named_keys(text: str) -> Mapping[str, Any]:
    """Build a schema for free JSON, with the keys that the text quotes, or with one key."""
    names = _quoted_keys(text) or ["answer"]
    properties = {name: {"type": "string"} for name in names}
    return {"type": "object", "properties": properties, "required": names}


def _from_file(turn: SeenTurn, searched: FileSearch) -> Text:
    """Answer with the sentence of the best result that shares most words with the question."""
    best = (searched.results or ())[0]
    asked = set(words_of(turn.last_user_text))
    sentence = max(sentences_of(best["text"]), key=lambda one: len(asked & set(words_of(one))))
    # Recorded: classic answers have a marker in the text, v2 answers do not.
    marker = "【4:0†source】" if turn.generation == "classic" else ""
    text = f"{sentence}{marker}"
    source = Citation(
        "file", len(sentence), len(text), file_id=best["file_id"], filename=best["filename"]
    )
    return Text(text, citations=(source,))


def converse(turn: SeenTurn) -> str:
    """Answer from memory: the caller's name, the tools' results, or an echo with a count."""
    results = _results(turn)
    if results:
        return f"The tool said: {'; '.join(results)}"
    names = [name for m in turn.messages if m.role == "user" for name in _NAME.findall(m.text)]
    asked = turn.last_user_text
    count = sum(message.role == "user" for message in turn.messages)
    if _ASKED.search(asked):
        return f"Your name is {names[-1]}." if names else "You have not told me your name yet."
    if _NAME.search(asked):
        return f"Nice to meet you, {names[-1]}. (turn {count})"
    return f"You said: {asked} (turn {count})"


def _results(turn: SeenTurn) -> list[str]:
    """Collect the results of the tools that were called last."""
    found: list[str] = []
    for message in reversed(turn.messages):
        if message.role != "tool":
            break
        found.insert(0, message.text)
    return found
