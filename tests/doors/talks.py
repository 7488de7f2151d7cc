"""Conversations that keep their answers as each door gives them, whole or streamed."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from typing import Any

from langchain_core.messages import HumanMessage, message_chunk_to_message
from llama_index.core.base.llms.types import ChatMessage

from azure_agents import completion
from langchain_azure_agents import ChatAzureAgent
from llamaindex_azure_agents import AzureAgentLLM

Talk = Callable[[str], Any]


def langchain(model: str, connection: dict[str, Any], way: str, **settings: Any) -> Talk:
    """Messages of LangChain; a streamed answer as a checkpoint keeps it."""
    llm, history = ChatAzureAgent(model=model, **connection, **settings), []

    def ask(text: str) -> Any:
        history.append(HumanMessage(text))
        if way == "whole":
            answer = llm.invoke(history)
        else:
            answer = message_chunk_to_message(functools.reduce(operator.add, llm.stream(history)))
        history.append(answer)
        return answer

    return ask


def llamaindex(model: str, connection: dict[str, Any], way: str) -> Talk:
    """Messages of LlamaIndex."""
    llm, history = AzureAgentLLM(model, **connection), []

    def ask(text: str) -> Any:
        history.append(ChatMessage(text))
        is_whole = way == "whole"
        answer = llm.chat(history) if is_whole else list(llm.stream_chat(history))[-1]
        history.append(answer.message)
        return answer.message

    return ask


def openai_format(model: str, connection: dict[str, Any], way: str) -> Talk:
    """Messages of `completion()`, as JSON keeps them."""
    history: list[Any] = []
    options = {"api_base": connection.pop("endpoint"), **connection}

    def ask(text: str) -> Any:
        history.append({"role": "user", "content": text})
        answer = completion(model, history, stream=way != "whole", threads="auto", **options)
        if way != "whole":
            list(answer)
            answer = answer.response
        history.append(answer.choices[0].message.model_dump())
        return history[-1]

    return ask


TALKS: dict[str, Callable[..., Talk]] = {
    "langchain": langchain,
    "langchain v1": functools.partial(langchain, output_version="v1"),
    "llamaindex": llamaindex,
    "completion": openai_format,
}
