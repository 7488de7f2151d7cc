"""Recognise pinned threads that refuse every turn: two different turns fail in the same way.

The cause of one refusal may be the message that was just sent. If the next turn, with other
messages, meets the same refusal, the cause is on the thread (an image that cannot be loaded, more
text than the model takes), and asking again will never help.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from ..errors import AzureAgentsError, PoisonedThreadError
from ..threads.digest import digest_of
from ..threads.plan import messages_for_pin
from .commands import Flow
from .turn import Turn
from .waiting import none_if_it_fails

# Refusals of content, not of the call. These are OpenAI's codes; none is recorded on Azure.
_CODES = re.compile(r"(?:invalid|failed|empty|unsupported)_\w*(?:image|file|prompt)|context_length")
_PARAMS = re.compile(r"/?(?:input|messages|content|url|image|file)")
_SUSPECTS = 5


def check_poison(
    turn: Turn,
    thread: str,
    error: AzureAgentsError,
    suspects: Callable[[str], Flow[list[str]]],
) -> Flow[None]:
    """Note that a turn on a pinned thread was refused, or that its run failed.

    Args:
        turn: The turn.
        thread: The pinned thread.
        error: The refusal.
        suspects: Lists the ids of messages that may be the cause, newest first.

    Raises:
        PoisonedThreadError: The turn before was refused in the same way and had other messages.
    """
    fresh = messages_for_pin(turn.messages)
    if not _is_about_content(error) or any(message.role == "tool" for message in fresh):
        return
    name = f"refusal on {thread}"
    refusal = (type(error), error.code, error.message)
    asked, before = digest_of(fresh), turn.memo.get(name)
    turn.memo.put(name, (refusal, asked))
    if before is None or before[0] != refusal or before[1] == asked:
        return
    found = yield from none_if_it_fails(lambda: suspects(thread))
    raise _poisoned(error, thread, (found or [])[:_SUSPECTS]) from error


def _is_about_content(error: AzureAgentsError) -> bool:
    by_code, by_param = _CODES.match(error.code or ""), _PARAMS.match(error.param or "")
    return by_code is not None or by_param is not None


def clear_poison(turn: Turn, thread: str) -> None:
    """Note that a turn on a pinned thread was answered."""
    turn.memo.put(f"refusal on {thread}", None)


def _poisoned(error: AzureAgentsError, thread: str, suspects: list[str]) -> PoisonedThreadError:
    named = f", perhaps {' or '.join(suspects)}" if suspects else ""
    without = ", ".join(map(repr, suspects)) or "…"
    return PoisonedThreadError(
        f"the pinned thread {thread!r} refuses one turn after the other in the same way: something "
        f"on it is the cause{named}. Go on with a copy, `AgentClient.fork_thread({thread!r}, "
        f"without=[{without}])`. The service says: {error.message}",
        **{**error.facts, "thread_id": thread},
    )
