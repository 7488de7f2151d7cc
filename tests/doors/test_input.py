"""What goes into messages, alike at every door and in both generations."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from azure_agents.errors import InvalidRequestError
from langchain_azure_agents import ChatAzureAgent

HI = {"role": "user", "content": "hi"}


@pytest.mark.parametrize("stop", ["end", ["end"], ("end", "never")])
def test_stop_is_one_text_or_several(make_ask: Any, stop: Any) -> None:
    """One text is not taken letter by letter."""
    assert "a dance in the " == make_ask("a dance in the end")([HI], stop=stop)


@pytest.mark.parametrize("stop", ["", ["a", ""], 7, [7]])
def test_what_cannot_end_an_answer_is_refused(foundry: Any, make_ask: Any, stop: Any) -> None:
    """An empty text would end every answer at once; nothing is sent."""
    ask = make_ask()
    with pytest.raises(InvalidRequestError, match="stop must be a text or a list of texts"):
        ask([HI], stop=stop)
    assert [] == foundry.requests


def test_who_speaks_is_told(foundry: Any, make_ask: Any) -> None:
    """The name of a user stands before what they say; those of agents and tools are labels."""
    make_ask()(
        [
            {"role": "user", "content": "I am from Tacoma.", "name": "Sam"},
            {"role": "assistant", "content": "Nice.", "name": "helper"},
            {"role": "user", "content": "And I from Rome.", "name": "Ada"},
            HI,
        ]
    )
    told = [message.text for message in foundry.seen[-1].messages]
    assert ["Sam: I am from Tacoma.", "Nice.", "Ada: And I from Rome.", "hi"] == told


@pytest.mark.parametrize(("name", "sent"), [("Sam", 1), ("Max", 3), (None, 3)])
def test_a_renamed_user_says_something_else(foundry: Any, name: str | None, sent: int) -> None:
    """The name is part of what was said: with another one the old chain is not continued."""
    agent = foundry.create_agent("helper")
    llm = ChatAzureAgent(model=agent.model, **foundry.connection())
    answer = llm.invoke([HumanMessage("hi", name="Sam")])
    llm.invoke([HumanMessage("hi", name=name), answer, HumanMessage("and?")])
    assert sent == len(foundry.requests[-1].body["input"])
