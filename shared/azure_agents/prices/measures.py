"""What an answer is paid by where that is not tokens: images, characters, seconds, searches.

For speech and transcriptions the service itself says what it bills, in the header
``csp-billing-usage`` (recorded: 13 characters for ``hello, world!``, 4 seconds for 3.07).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import ROUND_CEILING, Decimal
from typing import Any

from .model_prices import Prices
from .tokens import UnreadableError

Measured = dict[str, Decimal]

_BILLED = re.compile(r"CognitiveServices\.OpenAI\.(\w+)=(\d+(?:\.\d+)?)")
_METERS = {"Whisper": "second", "TextToSpeech": "character"}
_BILLING_HEADER = "csp-billing-usage"
# The service's defaults of DALL·E, where a request names none.
_SIZE, _QUALITY = "1024x1024", "standard"
# Tools of the service in responses that are paid for by themselves. Their prices depend on what is
# not in an answer (sessions that calls share, storage), so an answer with one has no known cost.
_PAID_TOOLS = {
    "code_interpreter_call": "code interpreter sessions",
    "file_search_call": "file search calls",
    "image_generation_call": "images made by a tool",
    "code_interpreter": "code interpreter sessions",
    "file_search": "file search calls",
    "image_generation": "images made by a tool",
    "bing_grounding": "Bing searches",
    "bing_custom_search": "Bing searches",
    "azure_ai_search": "searches of Azure AI Search",
}


def images(answer: Any, hidden: Mapping[str, Any], prices: Prices) -> Measured:
    """Count images, for models whose price is one image.

    Args:
        answer: With its ``data``.
        hidden: What is known beside it: `size`, `quality` and `n` of the request, also in an
            ``image`` of its own.
        prices: Of the model; its pixel price needs the size.

    Returns:
        The number by component: ``image``, ``pixel``, or a quality and size of `prices.images`.

    Raises:
        UnreadableError: The size or the number is not known.
    """
    asked = hidden.get("image") or hidden
    number = Decimal(asked.get("n") or _length(answer))
    size = str(asked.get("size") or _get(answer, "size") or _SIZE)
    if prices.images:
        quality = str(asked.get("quality") or _get(answer, "quality") or _QUALITY)
        return {f"{quality} {size}": number}
    if "pixel" in prices.of("standard"):
        return {"pixel": number * _pixels(size)}
    return {"image": number}


def _length(answer: Any) -> int:
    data = _get(answer, "data")
    if isinstance(data, Sequence) and not isinstance(data, str):
        return len(data)
    raise UnreadableError("the number of images is not known")


def _pixels(size: str) -> int:
    found = re.fullmatch(r"(\d{1,5})x(\d{1,5})", size)
    if found is None:
        raise UnreadableError(f"the size of the images is not known, but {size!r}")
    return int(found[1]) * int(found[2])


def sound(answer: Any, hidden: Mapping[str, Any]) -> Measured:
    """Count the characters of speech, or the seconds of a transcription, as they are billed.

    Args:
        answer: The transcription or the speech.
        hidden: What is known beside it: headers, and in ``audio`` the `characters` of the request.

    Returns:
        The number of ``second`` or ``character``; nothing if it is not known.
    """
    billed = _BILLED.search(str((hidden.get("headers") or {}).get(_BILLING_HEADER, "")))
    if billed and billed[1] in _METERS:
        return {_METERS[billed[1]]: Decimal(billed[2])}
    seconds = _get(_get(answer, "usage"), "seconds")
    seconds = _get(answer, "duration") if seconds is None else seconds
    if isinstance(seconds, int | float):  # guess: begun seconds count elsewhere as in the recording
        return {"second": Decimal(str(seconds)).to_integral_value(ROUND_CEILING)}
    characters = (hidden.get("audio") or {}).get("characters")
    return {} if characters is None else {"character": Decimal(characters)}


def searches(answer: Any, usage: Mapping[str, Any]) -> int:
    """Count the web searches that the service made for an answer.

    Args:
        answer: A response, or a chat answer of Claude.
        usage: Of the answer.
    """
    told = _get(_get(usage, "server_tool_use"), "web_search_requests")
    if told is None:
        told = _get(_get(_get(answer, "tool_usage"), "web_search"), "num_requests")
    if told is None:
        return sum(1 for one in _list(answer, "output") if _get(one, "type") == "web_search_call")
    return told if isinstance(told, int) else 0


def paid_tools(answer: Any) -> list[str]:
    """Name what else the service did for an answer that has a price which is not known here.

    Args:
        answer: A response, or an agent's answer.
    """
    kinds = {str(_get(one, "type")) for one in _list(answer, "output")}
    for choice in _list(answer, "choices"):
        fields = _get(_get(choice, "message"), "provider_specific_fields")
        kinds |= {str(_get(one, "name")) for one in _list(fields, "blocks")}
    return sorted({_PAID_TOOLS[kind] for kind in kinds if kind in _PAID_TOOLS})


def _list(value: Any, name: str) -> Sequence[Any]:
    found = _get(value, name)
    return found if isinstance(found, list) else ()


def _get(value: Any, name: str) -> Any:
    if isinstance(value, Mapping):
        return value.get(name)
    return getattr(value, name, None)
