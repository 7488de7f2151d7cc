"""Function tools: the methods with which LlamaIndex offers them and reads calls.

Agents run the calls and come back with results, which is what the service expects. But
`predict_and_call` never comes back: where it forces one tool (LlamaIndex's programs, selectors and
routers do), only the arguments are wanted. So they are asked for as an object: that needs no
declaration on a v2 agent, and leaves no classic run waiting for results.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from llama_index.core.base.llms.types import ChatMessage, ChatResponse
from llama_index.core.chat_engine.types import AgentChatResponse
from llama_index.core.llms.llm import ToolSelection
from llama_index.core.tools import BaseTool, ToolOutput
from llama_index.core.tools.calling import acall_tool_with_selection, call_tool_with_selection
from pydantic import BaseModel

from azure_agents.errors import AzureAgentsError

from ._messages import as_messages
from ._structured import Question, StructuredAnswers
from ._tools import ANCHOR, calls_of, declarations, to_selection, tool_options, with_one_call

_IS_LAST = "_results_do_not_go_back"  # between `predict_and_call` and `chat_with_tools`


class FunctionCalls(StructuredAnswers):
    """An LLM whose agent may call function tools."""

    def __init__(self, **fields: Any) -> None:
        # For type checkers, as in the base class: they would make one up from the fields here.
        super().__init__(**fields)

    def declare_tools(self, tools: Sequence[BaseTool | Callable[..., Any]]) -> str:
        """Make a version of the v2 agent that declares these function tools, and return its number.

        A v2 agent calls no functions but those of its definition; a classic one is given them with
        every call. The tools that the agent has stay, one of the same name is replaced. An LLM of
        a fixed version (``my-agent:1``) goes on with that one: make another for the new version.
        With a classic agent nothing is done, and the version is "".

        Args:
            tools: LlamaIndex tools, or functions with hints and a docstring.
        """
        return self.client.declare_tools(declarations(tools))

    async def adeclare_tools(self, tools: Sequence[BaseTool | Callable[..., Any]]) -> str:
        """Make a version of the v2 agent that declares these function tools; as `declare_tools`.

        Args:
            tools: LlamaIndex tools, or functions with hints and a docstring.
        """
        return await self.async_client.declare_tools(declarations(tools))

    def _prepare_chat_with_tools(  # noqa: PLR0917 - LlamaIndex's signature, as are the next ones
        self,
        tools: Sequence[BaseTool],
        user_msg: str | ChatMessage | None = None,
        chat_history: list[ChatMessage] | None = None,
        verbose: bool = False,  # noqa: ARG002, FBT001, FBT002
        allow_parallel_tool_calls: bool = False,  # noqa: FBT001, FBT002
        tool_required: bool = False,  # noqa: FBT001, FBT002
        tool_choice: str | dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> dict[str, Any]:
        options = tool_options(tools, tool_choice, required=tool_required)
        if tools and not allow_parallel_tool_calls:
            options["parallel_tool_calls"] = False
        # A new list: the caller's is often the memory of an agent.
        return {"messages": [*(chat_history or ()), *as_messages(user_msg)], **options, **kwargs}

    def chat_with_tools(  # noqa: PLR0917
        self,
        tools: Sequence[BaseTool],
        user_msg: str | ChatMessage | None = None,
        chat_history: list[ChatMessage] | None = None,
        verbose: bool = False,  # noqa: FBT001, FBT002
        allow_parallel_tool_calls: bool = False,  # noqa: FBT001, FBT002
        tool_required: bool = False,  # noqa: FBT001, FBT002
        **kwargs: Any,
    ) -> ChatResponse:
        """Ask the agent, which may call one of the tools, or several if that is allowed.

        Where one call is allowed and the agent makes several, the answer has the first one. A
        classic run would wait for the results of all, so it is cancelled; the result goes to a new
        run.

        Args:
            tools: The tools that it may call. A v2 agent must declare them.
            user_msg: The newest user message; None: the history ends with it.
            chat_history: The messages before it, oldest first.
            verbose: Taken for LlamaIndex; nothing more is printed.
            allow_parallel_tool_calls: Whether it may make several calls at once; False keeps the
                first.
            tool_required: Whether it must call a tool (classic).
            kwargs: More arguments of `chat`.
        """
        is_last = kwargs.pop(_IS_LAST, False)
        response = super().chat_with_tools(
            tools,
            user_msg,
            chat_history,
            verbose,
            allow_parallel_tool_calls,
            tool_required,
            **kwargs,
        )
        run = run_that_waits_in_vain(response, is_last=is_last)
        if run is not None:
            with suppress(AzureAgentsError):  # it waits until it expires, on a thread of its own
                self.client.cancel(**run)
        return response

    async def achat_with_tools(  # noqa: PLR0917
        self,
        tools: Sequence[BaseTool],
        user_msg: str | ChatMessage | None = None,
        chat_history: list[ChatMessage] | None = None,
        verbose: bool = False,  # noqa: FBT001, FBT002
        allow_parallel_tool_calls: bool = False,  # noqa: FBT001, FBT002
        tool_required: bool = False,  # noqa: FBT001, FBT002
        **kwargs: Any,
    ) -> ChatResponse:
        """Ask the agent, which may call tools; as `chat_with_tools`.

        Args:
            tools: As for `chat_with_tools`.
            user_msg: As for `chat_with_tools`.
            chat_history: As for `chat_with_tools`.
            verbose: As for `chat_with_tools`.
            allow_parallel_tool_calls: As for `chat_with_tools`.
            tool_required: As for `chat_with_tools`.
            kwargs: As for `chat_with_tools`.
        """
        is_last = kwargs.pop(_IS_LAST, False)
        response = await super().achat_with_tools(
            tools,
            user_msg,
            chat_history,
            verbose,
            allow_parallel_tool_calls,
            tool_required,
            **kwargs,
        )
        run = run_that_waits_in_vain(response, is_last=is_last)
        if run is not None:
            with suppress(AzureAgentsError):
                await self.async_client.cancel(**run)
        return response

    def _validate_chat_with_tools_response(
        self,
        response: ChatResponse,
        tools: Sequence[BaseTool],  # noqa: ARG002 - LlamaIndex's signature
        allow_parallel_tool_calls: bool = False,  # noqa: FBT001, FBT002
        **_kwargs: Any,
    ) -> ChatResponse:
        return response if allow_parallel_tool_calls else with_one_call(response)

    def get_tool_calls_from_response(
        self,
        response: ChatResponse,
        error_on_no_tool_call: bool = True,  # noqa: FBT001, FBT002 - LlamaIndex's signature
        **_kwargs: Any,
    ) -> list[ToolSelection]:
        """Read the tool calls of an answer or chunk, with as much of their arguments as there is.

        Args:
            response: An answer or chunk of `chat_with_tools`.
            error_on_no_tool_call: Whether no call at all is an error; False gives an empty list.
            _kwargs: Taken for LlamaIndex; not looked at.

        Raises:
            ValueError: There is none, and that was not allowed.
        """
        calls = calls_of(response.message)
        if not calls and error_on_no_tool_call:
            raise ValueError(
                f"the agent called no tool, it said {response.message.content!r}: pass "
                "error_on_no_tool_call=False, or ask for tools in the instructions of the agent"
            )
        return [to_selection(call) for call in calls]

    def predict_and_call(  # noqa: PLR0917
        self,
        tools: Sequence[BaseTool],
        user_msg: str | ChatMessage | None = None,
        chat_history: list[ChatMessage] | None = None,
        verbose: bool = False,  # noqa: FBT001, FBT002
        allow_parallel_tool_calls: bool = False,  # noqa: FBT001, FBT002
        error_on_no_tool_call: bool = True,  # noqa: FBT001, FBT002
        error_on_tool_error: bool = False,  # noqa: FBT001, FBT002
        **kwargs: Any,
    ) -> AgentChatResponse:
        """Let the agent choose a tool and run it; the result is the answer.

        A single tool that is required (``tool_required=True``) is not offered as a tool: the agent
        is asked for its arguments, as `structured_predict` asks for an object. Results do not go
        back to the agent, so a classic run that waits for them is cancelled.

        Args:
            tools: The tools to choose from. A v2 agent must declare them.
            user_msg: The newest user message; None: the history ends with it.
            chat_history: The messages before it, oldest first.
            verbose: Print the calls and their results.
            allow_parallel_tool_calls: Run all calls that the agent makes, and join their results.
            error_on_no_tool_call: Whether no call at all is an error; False answers with the
                agent's text.
            error_on_tool_error: Whether a tool that fails is an error; False answers with its
                message.
            kwargs: More arguments of `chat`, and ``tool_required=``.
        """
        if allow_parallel_tool_calls or not _asks_for_arguments(tools, kwargs):
            return super().predict_and_call(
                tools,
                user_msg,
                chat_history,
                verbose,
                allow_parallel_tool_calls,
                error_on_no_tool_call,
                error_on_tool_error,
                **{**kwargs, _IS_LAST: True},
            )
        call = _selection(tools[0], self._ask(_question(tools[0], user_msg, chat_history, kwargs)))
        output = call_tool_with_selection(call, tools, verbose=verbose)
        return _chat_response(output, raises=error_on_tool_error)

    async def apredict_and_call(  # noqa: PLR0917
        self,
        tools: Sequence[BaseTool],
        user_msg: str | ChatMessage | None = None,
        chat_history: list[ChatMessage] | None = None,
        verbose: bool = False,  # noqa: FBT001, FBT002
        allow_parallel_tool_calls: bool = False,  # noqa: FBT001, FBT002
        error_on_no_tool_call: bool = True,  # noqa: FBT001, FBT002
        error_on_tool_error: bool = False,  # noqa: FBT001, FBT002
        **kwargs: Any,
    ) -> AgentChatResponse:
        """Let the agent choose a tool, and run it; as `predict_and_call`.

        Args:
            tools: As for `predict_and_call`.
            user_msg: As for `predict_and_call`.
            chat_history: As for `predict_and_call`.
            verbose: As for `predict_and_call`.
            allow_parallel_tool_calls: As for `predict_and_call`.
            error_on_no_tool_call: As for `predict_and_call`.
            error_on_tool_error: As for `predict_and_call`.
            kwargs: As for `predict_and_call`.
        """
        if allow_parallel_tool_calls or not _asks_for_arguments(tools, kwargs):
            return await super().apredict_and_call(
                tools,
                user_msg,
                chat_history,
                verbose,
                allow_parallel_tool_calls,
                error_on_no_tool_call,
                error_on_tool_error,
                **{**kwargs, _IS_LAST: True},
            )
        found = await self._aask(_question(tools[0], user_msg, chat_history, kwargs))
        call = _selection(tools[0], found)
        output = await acall_tool_with_selection(call, tools, verbose=verbose)
        return _chat_response(output, raises=error_on_tool_error)


def run_that_waits_in_vain(response: ChatResponse, *, is_last: bool) -> dict[str, str] | None:
    """Name the classic run that waits for the results of all its calls, if nobody will answer it.

    That is so where results do not go back (`is_last`), or where calls were left out: then the
    answer has lost its anchor.
    """
    message, raw = response.message, response.raw or {}
    if not raw.get("run_id") or not calls_of(message):
        return None
    if ANCHOR in message.additional_kwargs and not is_last:
        return None
    return {name: raw[name] for name in ("thread_id", "run_id")}


def _asks_for_arguments(tools: Sequence[BaseTool], options: Mapping[str, Any]) -> bool:
    is_forced = options.get("tool_required") is True
    return is_forced and len(tools) == 1 and tools[0].metadata.fn_schema is not None


def _question(
    tool: BaseTool,
    user_msg: str | ChatMessage | None,
    chat_history: Sequence[ChatMessage] | None,
    options: Mapping[str, Any],
) -> Question[BaseModel]:
    arguments = tool.metadata.fn_schema
    assert arguments is not None  # noqa: S101 - `_asks_for_arguments` looked
    messages = [*(chat_history or ()), *as_messages(user_msg)]
    return Question(arguments, messages, options, tool.metadata.description)


def _selection(tool: BaseTool, found: BaseModel) -> ToolSelection:
    arguments = found.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return ToolSelection(tool_id="", tool_name=tool.metadata.get_name(), tool_kwargs=arguments)


def _chat_response(output: ToolOutput, *, raises: bool) -> AgentChatResponse:
    if raises and output.is_error:
        raise ValueError(output.content)
    return AgentChatResponse(response=output.content, sources=[output])
