"""Answers in OpenAI's chat completion format: whole, and as chunks. Pure.

OpenAI has one text where an agent has several parts: they are joined, and the indices of citations
count from the start of the whole text. Facts without a field of OpenAI's stand in
`provider_specific_fields`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from ..content.approvals import OUTCOMES, asked_by
from ..content.computer import CALLS
from ..content.joins import (
    JoinedText,
    cited,
    reasoning_of,
    refusal_of,
    refusal_places,
    span_of,
    text_of,
)
from ..events import (
    Citation,
    Event,
    Finished,
    FinishReason,
    MediaOutput,
    Other,
    Progress,
    ReasoningDelta,
    RefusalDelta,
    ServerToolCall,
    ServerToolResult,
    Started,
    TextDelta,
    ToolCallDelta,
    Usage,
)
from ..fold import Block, Completion
from ..jsonio import known_fields
from ..messages import ToolCall
from .input import ANCHOR_FIELD, REFUSAL_AT
from .objects import (
    PROVIDER,
    Annotation,
    CalledFunction,
    Choice,
    ChoiceMessage,
    Delta,
    DeltaToolCall,
    MessageToolCall,
    ModelResponse,
    ModelResponseStream,
    Source,
    StreamChoice,
    TokenUsage,
)

# Events of an answer that OpenAI's message has no field for.
_WITHOUT_FIELD = (ServerToolCall, ServerToolResult, MediaOutput, Other)
_CITATION_TYPES = {
    "url": "url_citation",
    "file": "file_citation",
    "container_file": "container_file_citation",
    "file_path": "file_path",
}


def to_response(
    completion: Completion, *, model: str, created: int, fallback_id: str
) -> ModelResponse:
    """Make the response of a finished turn.

    Args:
        completion: The turn.
        model: The model as requested.
        created: Unix time.
        fallback_id: The response's id if the service gave none.
    """
    finished = completion.finished
    message = to_message(completion)
    waits = CALLS in (message.provider_specific_fields or {})
    reason = _finish_reason(finished, has_calls=waits or bool(message.tool_calls))
    choice = Choice(message=message, finish_reason=reason)
    _describe_end(choice, finished)
    response = ModelResponse(
        id=finished.response_id or finished.run_id or fallback_id,
        created=created,
        model=model,
        choices=[choice],
        usage=to_usage(completion.usage),
        thread_id=finished.thread_id,
    )
    response._hidden_params.update(_hidden_params(finished))  # noqa: SLF001 - LiteLLM's name
    return response


def to_message(completion: Completion) -> ChoiceMessage:
    """Make the message of a finished turn."""
    blocks = completion.blocks
    text, refusal, thoughts = text_of(blocks), refusal_of(blocks), reasoning_of(blocks)
    annotations = [to_annotation(one.citation, one.begin) for one in cited(blocks)]
    calls = [_tool_call(call) for call in completion.tool_calls]
    message = ChoiceMessage(
        content=None if not text and (calls or refusal) else text,
        provider_specific_fields=_extras(blocks, completion.finished, refusal_places(blocks)),
    )
    # Set one by one: what is absent is not dumped.
    if calls:
        message.tool_calls = calls
    if refusal:
        message.refusal = refusal
    if annotations:
        message.annotations = annotations
    if thoughts:
        message.reasoning_content = thoughts
    return message


def _tool_call(call: ToolCall) -> MessageToolCall:
    function = CalledFunction(name=call.name, arguments=call.arguments)
    return MessageToolCall(id=call.id, function=function)


def to_annotation(citation: Citation, offset: int = 0) -> Annotation:
    """Make the annotation of a citation.

    Args:
        citation: The citation.
        offset: Where its text begins in the joined text.
    """
    facts = {
        "url": citation.url,
        "title": citation.title,
        "file_id": citation.file_id,
        "filename": citation.filename,
        "container_id": citation.container_id,
        "quote": citation.quote,
        "text": citation.marker,
        **span_of(citation, offset),
    }
    kind = _CITATION_TYPES[citation.kind]
    return Annotation.model_validate({"type": kind, kind: Source(**known_fields(**facts))})


def to_usage(usage: Usage | None) -> TokenUsage | None:
    """Make OpenAI's usage, with the details that the service counted."""
    if usage is None:
        return None
    cached, reasoning = usage.cached_tokens, usage.reasoning_tokens
    fields = known_fields(
        prompt_tokens=usage.input_tokens,
        completion_tokens=usage.output_tokens,
        total_tokens=usage.total_tokens,
        prompt_tokens_details=known_fields(cached_tokens=cached) or None,
        completion_tokens_details=known_fields(reasoning_tokens=reasoning) or None,
    )
    return TokenUsage.model_validate(fields)


def _finish_reason(finished: Finished, *, has_calls: bool) -> FinishReason:
    # A classic run that waits for an approval pauses as for tool outputs, but has no calls.
    is_approval = finished.reason == "tool_calls" and not has_calls
    return "stop" if is_approval else finished.reason


def _describe_end(choice: Choice | StreamChoice, finished: Finished) -> None:
    facts = known_fields(**{"incomplete_reason": finished.incomplete_reason, **finished.details})
    if facts:
        choice.provider_specific_fields = facts


def _hidden_params(finished: Finished) -> dict[str, Any]:
    return known_fields(
        thread_id=finished.thread_id,
        run_id=finished.run_id,
        response_id=finished.response_id,
        deployment=finished.model,
        custom_llm_provider=PROVIDER,
    )


def _extras(
    blocks: Sequence[Block], finished: Finished, places: list[list[int]] | None
) -> dict[str, Any]:
    others = [_block_entry(block) for block in blocks if isinstance(block, _WITHOUT_FIELD)]
    own = {
        ANCHOR_FIELD: finished.anchor,
        REFUSAL_AT: places,
        OUTCOMES: finished.approval_outcomes or None,
        "blocks": others or None,
    }
    return {**known_fields(**own), **asked_by(blocks)}


def _block_entry(event: ServerToolCall | ServerToolResult | MediaOutput | Other) -> dict[str, Any]:
    match event:
        case ServerToolCall():
            facts = {**asdict(event), "details": event.details or None}
            return {"type": "server_tool_call", **known_fields(**facts)}
        case ServerToolResult():
            return {"type": "server_tool_result", **known_fields(**asdict(event))}
        case MediaOutput():
            facts = known_fields(**asdict(event))
            return {"type": facts.pop("kind"), **facts}
        case Other():
            return {"type": event.kind, **event.data}


class Chunker:
    """Makes the chunks of one turn out of its events.

    Args:
        model: The model as requested.
        created: Unix time.
        fallback_id: Id of the chunks if the service gives none in time.
        include_usage: Whether a last chunk brings the usage.
    """

    def __init__(self, *, model: str, created: int, fallback_id: str, include_usage: bool) -> None:
        self._model = model
        self._created = created
        self._id = fallback_id
        self._include_usage = include_usage
        self._has_begun = False
        self._has_calls = False
        self._joined = JoinedText()
        self._usage: Usage | None = None
        self._others: list[Event] = []

    def feed(self, event: Event) -> list[ModelResponseStream]:
        """Take the next event; returns the chunks to deliver now."""
        chunks = [] if self._has_begun else self._begin(event)
        match event:
            case Finished():
                return [*chunks, *self._end(event)]
            case Usage():
                self._usage = event
            case Started() | Progress():
                pass
            case _ if (delta := self._delta(event)) is not None:
                chunks.append(self._chunk(delta))
            case _:
                self._others.append(event)
        return chunks

    def _begin(self, event: Event) -> list[ModelResponseStream]:
        self._has_begun = True
        if isinstance(event, Started):
            self._id = event.response_id or event.run_id or self._id
        return [self._chunk(Delta(role="assistant", content=""))]

    def _delta(self, event: Event) -> Delta | None:
        match event:
            case TextDelta():
                return Delta(content=self._joined.add(event))
            case RefusalDelta():
                return Delta(refusal=self._joined.add(event))
            case ReasoningDelta():
                return Delta(reasoning_content=self._joined.add(event))
            case ToolCallDelta():
                self._has_calls = True
                return Delta(tool_calls=[_call_delta(event)])
            case Citation():
                return Delta(annotations=[to_annotation(event, self._joined.begin_of(event))])
            case _:
                return None

    def _end(self, finished: Finished) -> list[ModelResponseStream]:
        extras = _extras(self._others, finished, self._joined.refusal_places())
        delta = Delta(provider_specific_fields=extras) if extras else Delta()
        reason = _finish_reason(finished, has_calls=self._has_calls or CALLS in extras)
        last = self._chunk(delta, finish_reason=reason)
        _describe_end(last.choices[0], finished)
        last.thread_id = finished.thread_id
        chunks = [last]
        if self._include_usage and self._usage is not None:
            chunks.append(self._empty_chunk())
            chunks[-1].usage = to_usage(self._usage)
        for chunk in chunks:
            chunk._hidden_params.update(_hidden_params(finished))  # noqa: SLF001 - LiteLLM's name
        return chunks

    def _chunk(
        self, delta: Delta, *, finish_reason: FinishReason | None = None
    ) -> ModelResponseStream:
        chunk = self._empty_chunk()
        chunk.choices.append(StreamChoice(delta=delta, finish_reason=finish_reason))
        return chunk

    def _empty_chunk(self) -> ModelResponseStream:
        return ModelResponseStream(
            id=self._id, created=self._created, model=self._model, choices=[]
        )


def _call_delta(event: ToolCallDelta) -> DeltaToolCall:
    if not event.id:
        function = CalledFunction(arguments=event.arguments)
        return DeltaToolCall(index=event.index, function=function)
    function = CalledFunction(name=event.name, arguments=event.arguments)
    return DeltaToolCall(index=event.index, id=event.id, type="function", function=function)
