"""A turn that an earlier process may have sent: it is looked for before it is sent.

A process that was killed between a request and its answer has lost that answer, as a cut connection
does. So nothing new is needed: the flow runs as always, its first write is not carried out, and it
hears that the answer to it was lost. From there its own recovery goes on: it looks for the turn by
its key, follows it if it is there, and else does what it does after every lost answer.

What the earlier process had claimed in the thread store is this turn's own: `Turn.is_repeated`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from ..errors import Abandoned, AzureAgentsError, ConnectionLostError
from .commands import Command, Flow, Send
from .turn import Turn

# Behind the first "lost" answer there must be another attempt.
_LEAST_RETRIES = 2


def repeated(turn: Turn, run_turn: Callable[[Turn], Flow[None]]) -> Flow[None]:
    """Give the flow of a turn, which first looks for the turn if it may have been sent before.

    Args:
        turn: The turn.
        run_turn: The flow of its generation.
    """
    if not turn.is_repeated:
        return run_turn(turn)
    retries = max(_LEAST_RETRIES, turn.settings.max_retries)
    return _after_a_loss(
        run_turn(replace(turn, settings=replace(turn.settings, max_retries=retries)))
    )


def _after_a_loss(flow: Flow[None]) -> Flow[None]:
    """Run a flow as if its first write had been sent, and the answer to it lost."""
    is_lost = False
    resume: Callable[[], Command] = partial(next, flow)
    try:
        while True:
            command = resume()
            if not is_lost and _writes(command):
                is_lost, resume = True, partial(flow.throw, _lost())
                continue
            try:
                resume = partial(flow.send, (yield command))
            except (Abandoned, AzureAgentsError) as error:
                resume = partial(flow.throw, error)
    except StopIteration:
        return
    finally:
        flow.close()


def _lost() -> ConnectionLostError:
    return ConnectionLostError("an earlier process may have sent this, and its answer is not known")


def _writes(command: Command) -> bool:
    return isinstance(command, Send) and command.method == "POST"
