"""Text completions as those of a chat, whole and in chunks. Pure.

Only the text moves, into a message or a delta; everything else stays, ``logprobs`` too, in the form
that text completions have.
"""

from __future__ import annotations

from typing import Any

from ...jsonio import JSON, malformed


def to_completion(data: JSON) -> JSON:
    """Map an answer.

    Args:
        data: As the service gave it.

    Raises:
        ProtocolError: It has another shape.
    """
    with malformed(data):
        choices = [
            _moved(choice, message={"role": "assistant", "content": choice["text"]})
            for choice in data["choices"]
        ]
        return {**data, "object": "chat.completion", "choices": choices}


class ChunkReader:
    """Maps the chunks of one stream."""

    def __init__(self) -> None:
        self._begun: set[int] = set()  # choices that have told their role

    def __call__(self, chunk: JSON) -> JSON:
        """Map the next chunk; an error stays one.

        Raises:
            ProtocolError: It has another shape.
        """
        with malformed(chunk):
            choices = [self._choice(choice) for choice in chunk.get("choices") or ()]
        if "choices" not in chunk:
            return chunk
        return {**chunk, "object": "chat.completion.chunk", "choices": choices}

    def _choice(self, choice: JSON) -> JSON:
        index, text = choice["index"], choice.get("text")
        role = {} if index in self._begun else {"role": "assistant"}
        self._begun.add(index)
        return _moved(choice, delta={**role, **({"content": text} if text else {})})


def _moved(choice: JSON, **into: Any) -> JSON:
    return {**into, **{name: value for name, value in choice.items() if name != "text"}}
