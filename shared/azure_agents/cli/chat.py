"""`azure-agents chat`: a conversation at the terminal.

A turn that failed or was stopped is left out of the history. When a server-side tool asks for
permission, the chat shows the call and asks the user; without a "y" it does not run.
"""

from __future__ import annotations

import sys
from contextlib import closing
from typing import TYPE_CHECKING, Any

import click

from ..errors import AzureAgentsError
from .connection import connect, connection_options
from .terminal import error_line, printable

if TYPE_CHECKING:
    from ..client.agent_client import AgentClient
    from ..events import ApprovalRequest, ConsentRequest
    from ..fold import Completion
    from ..messages import Message


@click.command()
@click.argument("model", required=False)
@connection_options("The project, a hosted agent or an application")
@click.option(
    "--threads", default="auto", show_default=True, help="auto, conversation or ephemeral."
)
@click.option("--thread-id", help="Go on with this conversation, thread or response.")
@click.option("--instructions", help="Sent with every turn, besides the agent's own.")
@click.option(
    "--approve",
    type=click.Choice(("ask", "never", "always")),
    default="ask",
    show_default=True,
    help="Tools that need permission: ask (what is not answered by y is denied), never, or always, "
    "without asking. Where nobody can be asked: never.",
)
def chat(
    *,
    model: str | None,
    threads: str,
    thread_id: str | None,
    instructions: str | None,
    approve: str,
    **connection: Any,
) -> None:
    """Chat with an agent, streamed.

    MODEL is my-agent, my-agent:1 or asst_... (default: AZURE_AI_AGENT). It is not needed where the
    endpoint is that of a hosted agent or of an application, which names it.

    The credential comes from the environment. Ctrl-C stops an answer, Ctrl-D ends the chat.
    """
    chosen = {"threads": threads, "instructions": instructions}
    with closing(connect(model, connection, **chosen)) as agents:
        _Chat(agents, thread_id, approve).run()


class _Chat:
    def __init__(self, agents: AgentClient, pin: str | None, approve: str) -> None:
        self._agents = agents
        self._pin = pin
        self._approve = approve
        self._history: tuple[Message, ...] = ()
        self._is_terminal = sys.stdin.isatty()

    def run(self) -> None:
        from ..messages import user

        while (text := self._question()) is not None:
            before = self._history, self._pin
            try:
                self._turn(user(text))
            except AzureAgentsError as error:
                self._history, self._pin = before
                if not self._is_terminal:
                    raise
                print(f"\nazure-agents: {error_line(error)}", file=sys.stderr)
            except KeyboardInterrupt:
                self._history, self._pin = before
                print("\n[stopped]")

    def _question(self) -> str | None:
        text = ""
        while not text.strip():
            try:
                text = input("you> " if self._is_terminal else "")
            except EOFError:
                return None
        return text

    def _turn(self, message: Message | None) -> None:
        # A question, and then the decisions: an answer to a decision may ask for the next one.
        while message is not None:
            asked = (*self._history, message)
            completion = self._stream(asked)
            if completion.tool_calls:
                names = printable(", ".join(call.name for call in completion.tool_calls))
                print(
                    f"\n[the agent calls {names}, and this chat runs no tools: the turn is dropped]"
                )
                return
            self._keep(asked, completion)
            message = self._decision(completion)

    def _keep(self, asked: tuple[Message, ...], completion: Completion) -> None:
        from ..messages import assistant

        done = completion.finished
        answer = assistant(completion.text, anchor=done.anchor, asks=_asks(completion))
        self._history = (*asked, answer)
        # A pinned response is one moment: the next turn goes on from the answer to this one.
        self._pin = self._pin and done.thread_id
        usage = completion.usage
        tokens = f" · {usage.input_tokens} tokens in, {usage.output_tokens} out" if usage else ""
        print(printable(f"\n[{done.reason} · thread {done.thread_id}{tokens}]"))

    def _decision(self, completion: Completion) -> Message | None:
        # None: no tool asks, so the turn is over.
        from ..events import ApprovalRequest
        from ..messages import ApprovalReply, Message

        replies = []
        for ask in _asks(completion):
            if isinstance(ask, ApprovalRequest):
                replies.append(ApprovalReply(ask.id, approve=self._allows(ask)))
            else:
                server = f" of {ask.server_label}" if ask.server_label else ""
                print(printable(f"[a tool{server} needs you to sign in: {ask.link}]"))
        return Message("user", tuple(replies)) if replies else None

    def _allows(self, ask: ApprovalRequest) -> bool:
        tool = f"{ask.server_label}.{ask.name}" if ask.server_label else ask.name
        print(printable(f"[the agent wants to run {tool} with {ask.arguments}]"))
        allowed = self._approve == "always" or self._is_allowed_now()
        print("[approved]" if allowed else "[denied]")
        return allowed

    def _is_allowed_now(self) -> bool:
        if self._approve == "never" or not self._is_terminal:
            return False
        try:
            return input("allow? [y/N] ").strip().lower() in {"y", "yes"}
        except EOFError:
            print()  # ends the line of the question
            return False

    def _stream(self, asked: tuple[Message, ...]) -> Completion:
        from ..content.progress_words import Steps
        from ..events import Progress, RefusalDelta, TextDelta
        from ..fold import Fold
        from ..messages import TurnRequest

        folding, steps = Fold(), Steps()
        with closing(self._agents.stream(TurnRequest(asked, thread_id=self._pin))) as events:
            for event in events:
                folding.add(event)
                if isinstance(event, TextDelta | RefusalDelta):
                    print(printable(event.text), end="", flush=True)
                elif isinstance(event, Progress) and (line := steps.line(event)):
                    print(printable(f"[{line}]"), flush=True)
        return folding.result()


def _asks(completion: Completion) -> tuple[ApprovalRequest | ConsentRequest, ...]:
    from ..events import ApprovalRequest, ConsentRequest

    return tuple(b for b in completion.blocks if isinstance(b, ApprovalRequest | ConsentRequest))
