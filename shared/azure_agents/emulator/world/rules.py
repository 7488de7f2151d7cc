"""Settings of the service, which a test may change at any time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Era: TypeAlias = Literal["ga", "preview", "sdk"]


@dataclass(slots=True)
class Rules:
    """Settings of the service.

    Attributes:
        run_lifetime: Seconds until a run expires (600 in early recordings, 1800 later).
        pause_lifetime: Seconds that a run waits for tool outputs.
        polls_until_noticed: How many polls find a turn unchanged after its client has hung up.
        deployments: Model deployments that exist beside those of `Emulator.deploy`; agents may
            name any.
        remember_tool_rounds: Whether later runs read the tool rounds of earlier ones.
        most_messages: Most messages that one classic request may hold; None is no limit.
        keepalive: Seconds of silence after which a stream of v2 gets a `keepalive` event, which
            takes a sequence number; None sends none. Recorded for a tool that worked for minutes;
            for other silences it is a guess. Plain answers have none.
        classic_keepalive: The same for classic streams, with empty data. Users report it; no
            recording has one, so none is sent unless this is set.
        keeps_failed_input: Whether the input of a failed turn stays on its conversation. Users
            report that it does for hosted agents (microsoft/agent-framework#7630), and that it
            does not for Azure OpenAI; neither was recorded.
        refused: Fields (`metadata`, `agent_reference.version`) and types of input items that
            a response request must not have. No recording shows metadata or a version on a turn of
            an agent, so a client should also be tested against a service that refuses them.
        resets_in_milliseconds: Whether the headers `x-ratelimit-reset-*` of deployments count
            milliseconds, as in March 2026, or whole seconds, as since June 2026.
        era: The version of v2: ``"ga"`` is today's, ``"preview"`` the one until February 2026,
            ``"sdk"`` today's with the fields that the openai SDK requires and recorded answers
            lack.
    """

    run_lifetime: int = 1800
    pause_lifetime: int = 36_000
    polls_until_noticed: int = 1
    remember_tool_rounds: bool = True
    most_messages: int | None = None
    keepalive: float | None = 30.0
    classic_keepalive: float | None = None
    keeps_failed_input: bool = False
    refused: frozenset[str] = frozenset()
    resets_in_milliseconds: bool = False
    era: Era = "ga"
    deployments: set[str] = field(
        default_factory=lambda: {"gpt-4o", "gpt-4o-mini", "gpt-4.1", "gpt-5-mini"}
    )
