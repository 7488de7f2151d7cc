"""Replies written as plain data: what YAML files and control requests hold.

A reply is a text, a mapping with one thing to do (`say`, `call`, `fail`, …), or in a list of
replies a list of such things, done in one answer. A rule is a mapping that also says when it is
meant: `when` (a pattern in what the user said), `after` (the function whose result came), `turn`
(the number of the user's message).
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from ...errors import ConfigError
from ..text.yaml_lines import at_line_of
from .replies import Part, Parts, Reply, Script, Text, parts_of
from .reply_kinds import KINDS, near, part_of
from .responder import built_in_reply
from .seen import SeenTurn

Values: TypeAlias = Mapping[str, str]

_HOLE = re.compile(r"\{(\w+)\}")
_CONDITIONS = ("when", "after", "turn")


def read_script(given: Any) -> Script:
    """Read a script from plain data: one reply, or a list of replies played in order.

    Args:
        given: A text, a mapping that names a kind of reply, a list of these, or None for no script.

    Raises:
        ConfigError: The data have another form.
    """
    if given is None:
        return None
    if isinstance(given, list):
        if not given:
            raise ConfigError("the list of replies is empty; write at least one reply")
        return [_read_one(one) for one in given]
    return _read_one(given)


def _read_one(given: Any) -> Reply:
    """Read one reply without rules: nothing is filled in."""
    parts = _read_parts(given, {})
    return parts[0] if len(parts) == 1 else Parts(*parts)


def read_rules(given: Any) -> Rulebook:
    """Read rules from plain data: the first that fits answers, else the built-in responder.

    Args:
        given: A list of mappings, each with what it fits and the reply.

    Raises:
        ConfigError: The data have another form.
    """
    if not isinstance(given, list):
        raise ConfigError(f"replies are a list of rules, got {given!r}")
    return Rulebook([_read_rule(one) for one in given])


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule; a condition that is None is always met."""

    when: re.Pattern[str] | None
    after: re.Pattern[str] | None
    turn: int | None
    reply: Any

    def match(self, turn: SeenTurn) -> Values | None:
        """Return the values to fill into the reply; None if this rule does not fit the turn."""
        last = turn.messages[-1] if turn.messages else None
        is_result = last is not None and last.role == "tool"
        if is_result != (self.after is not None) and (self.when or self.after):
            return None
        if self.turn not in {None, sum(message.role == "user" for message in turn.messages)}:
            return None
        values = {"user": turn.last_user_text, "tool": last.text if last and is_result else ""}
        if self.after is not None:
            return values if self.after.fullmatch(_called(turn)) else None
        if self.when is None:
            return values
        found = self.when.search(turn.last_user_text)
        if found is None:
            return None
        groups = {str(number): text for number, text in enumerate(found.groups(""), 1)}
        return values | groups | found.groupdict("")


def _called(turn: SeenTurn) -> str:
    """Return the name of the function whose result the last message is."""
    id = turn.messages[-1].tool_call_id
    calls = (call for message in reversed(turn.messages) for call in message.tool_calls)
    return next((call.name for call in calls if call.id == id), "")


@dataclass(frozen=True, slots=True)
class Rulebook:
    """Answers by the first rule that fits; a script like a function.

    Attributes:
        rules: The rules, tried in this order.
    """

    rules: Sequence[Rule]

    def __call__(self, turn: SeenTurn) -> Reply:
        """Return the reply to this turn."""
        for rule in self.rules:
            values = rule.match(turn)
            if values is not None:
                return Parts(*_read_parts(rule.reply, values))
        return built_in_reply(turn)


def _read_rule(given: Any) -> Rule:
    if isinstance(given, str):
        given = {"say": given}
    if not isinstance(given, Mapping):
        raise ConfigError(f"a rule is a mapping or a text, got {given!r}")
    try:
        return _checked_rule(given)
    except ConfigError as error:
        raise at_line_of(given, error) from error


def _checked_rule(given: Mapping[str, Any]) -> Rule:
    reply = {key: value for key, value in given.items() if key not in _CONDITIONS}
    content = reply["reply"] if set(reply) == {"reply"} else reply
    # A wrong reply is an error when the file is read, not in the middle of a turn.
    _read_parts(content, {}, (*_CONDITIONS, "reply"))
    turn = given.get("turn")
    if turn is not None and not isinstance(turn, int):
        raise ConfigError(f"`turn` is a number, got {turn!r}")
    return Rule(_pattern(given, "when"), _pattern(given, "after"), turn, content)


def _pattern(given: Mapping[str, Any], name: str) -> re.Pattern[str] | None:
    if name not in given:
        return None
    try:
        return re.compile(str(given[name]), re.IGNORECASE)
    except re.error as exc:
        raise ConfigError(f"`{name}` is no pattern: {given[name]!r} ({exc})") from exc


def _read_parts(given: Any, values: Values, others: Sequence[str] = ()) -> list[Part]:
    if isinstance(given, list):
        return [part for one in given for part in _read_parts(one, values)]
    if isinstance(given, str):
        return [Text(_filled(given, values))]
    if isinstance(given, Mapping):
        try:
            return [_read_mapping(given, values, others)]
        except ConfigError as error:
            raise at_line_of(given, error) from error
    elif given is not None:
        with contextlib.suppress(TypeError):
            return list(parts_of(given))
    raise _no_reply(given)


def _read_mapping(given: Mapping[str, Any], values: Values, others: Sequence[str]) -> Part:
    kinds = [key for key in given if key in KINDS]
    if len(kinds) > 1:
        both = " and ".join(f"`{kind}`" for kind in kinds)
        raise ConfigError(f"{both} in one reply; write a list of replies")
    if not kinds:
        raise _no_reply(given)
    return part_of(kinds[0], _filled(given, values), others)


def _no_reply(given: Any) -> ConfigError:
    guesses = [near(key, tuple(KINDS)) for key in given] if isinstance(given, Mapping) else []
    guess = next(filter(None, guesses), "")
    known = ", ".join(sorted(KINDS))
    return ConfigError(
        f"not a reply: {given!r}{guess}; use a text or a mapping with one of {known}"
    )


def _filled(value: Any, values: Values) -> Any:
    if isinstance(value, str):
        return _HOLE.sub(lambda hole: values.get(hole[1], hole[0]), value)
    if isinstance(value, Mapping):
        return {key: _filled(inner, values) for key, inner in value.items()}
    if isinstance(value, list):
        return [_filled(inner, values) for inner in value]
    return value
