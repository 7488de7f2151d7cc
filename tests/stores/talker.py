"""Processes that go on with conversations; started with a mode and JSON arguments."""

from __future__ import annotations

import json
import sys
from typing import Any

from azure_agents.client.agent_client import AgentClient
from azure_agents.client.base import make_client
from azure_agents.fold import fold
from azure_agents.messages import Message, TurnRequest, assistant, user
from azure_agents.settings.config import resolve_settings
from azure_agents.sign_in.auth import make_auth

from .child import store_at


def dump(messages: list[Message]) -> str:
    """A history as a file keeps it."""
    return json.dumps([[m.role, m.text, m.anchor] for m in messages])


def load(text: str) -> list[Message]:
    """The history that `dump` wrote."""
    return [
        user(said) if role == "user" else assistant(said, anchor=anchor)
        for role, said, anchor in json.loads(text)
    ]


def client(connection: dict[str, Any], store: Any) -> AgentClient:
    """A client of a served agent."""
    wanted = {name: connection[name] for name in ("model", "endpoint", "threads")}
    settings = resolve_settings(**wanted, allow_http=True, timeout=20.0, env={})
    auth = make_auth(credential="token", endpoint=settings.endpoint, env={})
    return make_client(AgentClient, settings, auth, store=store)


def talk(agents: AgentClient, chat: list[Message], text: str) -> None:
    """Ask, and append what was said."""
    done = fold(agents.stream(TurnRequest((*chat, user(text)))))
    chat += [user(text), assistant(done.text, anchor=done.finished.anchor)]


def say(connection: dict[str, Any], kind: str, place: str, history: str) -> None:
    """Go on with a history, in this new process."""
    chat = load(history)
    talk(client(connection, store_at(kind, place)), chat, "in another process")
    sys.stdout.write(dump(chat))


MODES = {"say": say}

if __name__ == "__main__":
    MODES[sys.argv[1]](**json.loads(sys.argv[2]))
