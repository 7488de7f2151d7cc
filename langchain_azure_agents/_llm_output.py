"""`llm_output` of LangChain's results, for callbacks and programs that look for usage there.

LangChain copies what a model puts into `llm_output` into the `response_metadata` of the answer,
where a stream would then lack it. So it is filled in after LangChain has done so. `stream` and
`astream` hand results without it to their callbacks, which LangChain leaves no way to change.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage

from azure_agents.jsonio import known_fields

if TYPE_CHECKING:
    from langchain_core.outputs import ChatResult

_COUNTS = {
    "input_tokens": "prompt_tokens",
    "output_tokens": "completion_tokens",
    "total_tokens": "total_tokens",
}


class TellsOutput(BaseChatModel):
    """A chat model whose results have `llm_output`: model, usage, thread ids.

    An answer out of LangChain's cache has none: nothing was used for it.
    """

    if not TYPE_CHECKING:

        def _generate_with_cache(self, *args: Any, **kwargs: Any) -> Any:
            return _told(super()._generate_with_cache(*args, **kwargs))

        async def _agenerate_with_cache(self, *args: Any, **kwargs: Any) -> Any:
            return _told(await super()._agenerate_with_cache(*args, **kwargs))

    def _combine_llm_outputs(
        self,
        llm_outputs: list[dict[str, Any] | None],
        /,
    ) -> dict[str, Any]:
        outputs = [output for output in llm_outputs if output]
        if not outputs:
            return {}
        counts: Counter[str] = Counter()
        for output in outputs:
            counts.update(output.get("token_usage", {}))
        return known_fields(
            model_name=outputs[0]["model_name"],
            token_usage=dict(counts) or None,
            thread_ids=[id for output in outputs for id in output["thread_ids"]],
        )


def was_cached(message: AIMessage) -> bool:
    """Tell whether an answer comes from LangChain's cache, which notes that it cost nothing."""
    return "total_cost" in (message.usage_metadata or ())


def _told(result: ChatResult) -> ChatResult:
    message = result.generations[0].message
    if isinstance(message, AIMessage) and not was_cached(message):
        result.llm_output = _output_of(message)
    return result


def _output_of(message: AIMessage) -> dict[str, Any]:
    metadata, usage = message.response_metadata, message.usage_metadata
    counts = {theirs: usage[ours] for ours, theirs in _COUNTS.items()} if usage else None  # type: ignore[literal-required]
    thread = metadata.get("thread_id")
    return known_fields(
        model_name=metadata["model_name"],
        token_usage=counts,
        thread_ids=[thread] if thread else [],
    )
