"""Embeddings, on both surfaces: as numbers, or as base64 of little-endian floats.

Source: embeddings_base64_ada. The vectors are the emulator's own: texts that share words are near
to each other.
"""

from __future__ import annotations

import base64
import hashlib
import math
import struct
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..agent.seen import SeenMessage, SeenReply, SeenTurn
from ..text import tokens
from ..text.reading import words_of
from ..world.exchange import Answer, Request
from ..world.limits import Kind, Limit, Number, Word, check_values, wrong_type
from .asked import asked_deployment, headers_of
from .quota import admit
from .refusals import invalid, missing

if TYPE_CHECKING:
    from ...jsonio import JSON
    from ..world.deployments import Deployment
    from ..world.state import World

_OPTIONS: Mapping[str, Limit] = {
    "dimensions": Number(1),
    "encoding_format": Word(("float", "base64")),
    "user": Kind("string"),
}
_KNOWN = frozenset((*_OPTIONS, "input", "input_type", "model"))
_MOST_INPUTS = 2048
_LARGE, _USUAL = 3072, 1536


def create(world: World, request: Request, deployment: str | None = None) -> Answer:
    """POST /openai/v1/embeddings; /openai/deployments/{deployment}/embeddings."""
    answer, headers = embed(world, request.json(), deployment)
    return Answer(answer, headers=headers)


def embed(world: World, body: JSON, deployment: str | None = None) -> tuple[JSON, dict[str, str]]:
    """Answer a request; the body and headers of the answer.

    Raises:
        Problem: The deployment does not take it.
    """
    asked = asked_deployment(world, body, "embeddings", deployment)
    length = _length(body, asked.model)
    texts = _texts(body)
    count = sum(tokens.count(text) for text in texts)
    headers = headers_of(asked) | admit(world, asked, count)
    usage = {"prompt_tokens": count, "total_tokens": count}
    _note(world, asked, texts, usage)
    data = [
        {"object": "embedding", "index": index, "embedding": _encoded(body, vector(text, length))}
        for index, text in enumerate(texts)
    ]
    return {"object": "list", "data": data, "model": asked.model, "usage": usage}, headers


def _length(body: JSON, model: str) -> int:
    """Check the options; return the length of the vectors."""
    for name in body:
        if name not in _KNOWN:
            raise invalid(f"Unrecognized request argument supplied: {name}")
    check_values(body, _OPTIONS, wrong_type)
    usual = _LARGE if "3-large" in model else _USUAL
    wanted = body.get("dimensions")
    if wanted is None:
        return usual
    if "ada" in model:
        raise invalid("This model does not support specifying dimensions.")
    Number(1, usual).check("dimensions", wanted)
    return int(wanted)


def _texts(body: JSON) -> list[str]:
    """Read the input: a text, a list of texts, tokens, or a list of lists of tokens."""
    given = body.get("input")
    if given is None:
        raise missing("input")
    if isinstance(given, list) and given and all(isinstance(one, int) for one in given):
        given = [given]
    texts = [given] if isinstance(given, str) else given
    good = isinstance(texts, list) and 0 < len(texts) <= _MOST_INPUTS
    if not good or not all(isinstance(one, str | list) and one for one in texts):
        raise invalid(
            "'$.input' is invalid. Please check the API reference: "
            "https://platform.openai.com/docs/api-reference."
        )
    return [one if isinstance(one, str) else " ".join(map(str, one)) for one in texts]


def _note(world: World, deployment: Deployment, texts: list[str], usage: Mapping[str, Any]) -> None:
    seen = SeenTurn(
        generation="embeddings",
        agent=deployment.name,
        instructions=None,
        messages=tuple(SeenMessage("user", text) for text in texts),
    )
    world.seen.append(seen.answered(SeenReply(), usage))


def _encoded(body: JSON, numbers: list[float]) -> list[float] | str:
    if body.get("encoding_format") != "base64":
        return numbers
    return base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()


def vector(text: str, length: int) -> list[float]:
    """Build the vector of a text, of length 1: each word pushes it into eight directions.

    Args:
        text: The text.
        length: How many numbers it has.
    """
    numbers = [0.0] * length
    for word in words_of(text) or [text]:
        digest = hashlib.blake2b(word.encode(errors="surrogatepass"), digest_size=32).digest()
        for (place,) in struct.iter_unpack("<I", digest):
            numbers[(place >> 1) % length] += 1.0 if place & 1 else -1.0
    size = math.sqrt(sum(number * number for number in numbers)) or 1.0
    # Single precision, as the wire has it: both encodings hold the same numbers.
    return list(struct.unpack(f"<{length}f", struct.pack(f"<{length}f", *_scaled(numbers, size))))


def _scaled(numbers: list[float], size: float) -> list[float]:
    return [number / size for number in numbers]
