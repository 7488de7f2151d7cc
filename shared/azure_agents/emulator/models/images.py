"""Images: pictures of one colour in the size that was asked for, or those of a script.

Source: images_dalle3_filter_results. The answer of gpt-image follows OpenAI's types: it has no
filter results, as models_wire.md says. The URL of an image leads to the emulator itself.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from ..agent.replies import Failed, Pause, Text
from ..agent.seen import SeenMessage, SeenTurn
from ..agent.server_tools import GeneratedImage
from ..files.files import read_form
from ..text import tokens
from ..text.png import png
from ..world import problems
from ..world.exchange import Answer, Request
from ..world.limits import Kind, Limit, Number, Word, check_values, wrong_type
from .answer import Call, answered
from .asked import asked_deployment, headers_of
from .filters import image_results
from .image_stream import check_image_stream, image_events
from .quota import admit
from .refusals import invalid, missing, unsupported

if TYPE_CHECKING:
    from ...jsonio import JSON
    from ..agent.replies import Part
    from ..world.problems import Problem
    from ..world.state import World
    from ..world.turns import Work

_PARTS: tuple[type[Part], ...] = (GeneratedImage, Text, Failed, Pause)
_OPTIONS: Mapping[str, Limit] = {
    "n": Number(1, 10),
    "partial_images": Number(),
    "prompt": Kind("string"),
    "response_format": Word(("url", "b64_json")),
    "size": Kind("string"),
    "stream": Kind("boolean"),
    "user": Kind("string"),
}
_SIZE = re.compile(r"(\d{2,4})x(\d{2,4})")
_DEFAULT_SIZE = "1024x1024"
_PRIVATE = "/private/images/"


def generate(world: World, request: Request, deployment: str | None = None) -> Answer:
    """POST /images/generations."""
    return _create(world, request, request.json(), deployment)


def edit(world: World, request: Request, deployment: str | None = None) -> Answer:
    """POST /images/edits: multipart with one or several images."""
    fields = read_form(request)
    if not any(name in fields for name in ("image", "image[]")):
        raise missing("image")
    texts = {name: data.decode() for name, (data, filename) in fields.items() if not filename}
    body: JSON = {name: _read_field(name, text) for name, text in texts.items()}
    return _create(world, request, body, deployment, "image_edit")


def _read_field(name: str, text: str) -> Any:
    if name in {"n", "partial_images"}:
        return int(text)
    return text == "true" if name == "stream" else text


def _create(
    world: World,
    request: Request,
    body: JSON,
    deployment: str | None,
    kind: str = "image_generation",
) -> Answer:
    asked = asked_deployment(world, body, "imageGenerations", deployment)
    check_values(body, _OPTIONS, wrong_type)
    if not body.get("prompt"):
        raise missing("prompt")
    if "gpt-image" in asked.model and body.get("response_format") is not None:
        raise unsupported("response_format")
    check_image_stream(body, asked.model)
    _read_size(body)
    seen = SeenTurn(
        generation="images",
        agent=asked.name,
        instructions=None,
        messages=(SeenMessage("user", body["prompt"]),),
    )
    limits = admit(world, asked, 0)
    call = Call(world.ids.uuid(), world.now, asked, body, seen)

    def drop() -> None:
        call.status = "failed"

    def refused() -> Problem | None:
        return call.problem

    whole = partial(_whole, world, call, request.origin)
    work = _draw(world, call, partial(image_events, call, kind, whole))
    turn = world.start(work, status=lambda: call.status, drop=drop)
    headers = headers_of(asked) | limits
    if body.get("stream"):
        headers["content-type"] = "text/event-stream; charset=utf-8"
        return Answer(turn=turn, streamed=True, headers=headers, refused=refused)
    return Answer(turn=turn, headers=headers, render=whole, refused=refused)


def _read_size(body: JSON) -> tuple[int, int]:
    size = body.get("size") or _DEFAULT_SIZE
    found = _SIZE.fullmatch(_DEFAULT_SIZE if size == "auto" else size)
    if found is None:
        raise invalid(f"Invalid value: '{size}'.", "size", "invalid_value")
    return int(found[1]), int(found[2])


def _draw(world: World, call: Call, events: Callable[[], Work]) -> Work:
    yield from answered(world, call, _PARTS)
    if call.problem is None and call.body.get("stream"):
        yield from events()
    if call.problem is None:
        call.status = "completed"


def _whole(world: World, call: Call, origin: str) -> JSON:
    data = [_image(world, call, origin, index) for index in range(call.body.get("n") or 1)]
    answer: JSON = {"created": call.created, "data": data}
    if "gpt-image" not in call.deployment.model:
        return answer
    read = tokens.count(call.body["prompt"])
    written = 1056 * len(data)  # of a picture of middle quality
    details = {"image_tokens": 0, "text_tokens": read}
    counts = {"input_tokens": read, "input_tokens_details": details, "output_tokens": written}
    shown = {"background": "opaque", "output_format": "png", "quality": "medium"}
    size = "x".join(map(str, _read_size(call.body)))
    return answer | shown | {"size": size, "usage": counts | {"total_tokens": read + written}}


def _image(world: World, call: Call, origin: str, index: int) -> JSON:
    drawn = next((part for part in call.parts if isinstance(part, GeneratedImage)), None)
    data = base64.b64decode(drawn.result) if drawn else _picture(call, index)
    if "gpt-image" in call.deployment.model:
        return {"b64_json": base64.b64encode(data).decode()}
    revised = (drawn.revised_prompt if drawn else None) or _revised(call)
    item: dict[str, Any] = {**image_results(), "revised_prompt": revised}
    if call.body.get("response_format") == "b64_json":
        return item | {"b64_json": base64.b64encode(data).decode()}
    path = f"{_PRIVATE}{call.id}/generated_{index:02}.png"
    world.images[path] = data
    return item | {"url": f"{origin}{path}?sig={_signature(path)}"}


def _picture(call: Call, index: int) -> bytes:
    colour = hashlib.blake2b(f"{call.body['prompt']}{index}".encode(), digest_size=3).digest()
    return png(*_read_size(call.body), colour)


def _revised(call: Call) -> str:
    # The built-in responder would talk; a script says how the prompt was revised.
    return call.text if call.deployment.responder.is_scripted else str(call.body["prompt"])


def _signature(path: str) -> str:
    return hashlib.blake2b(path.encode(), digest_size=16).hexdigest()


def is_signed(request: Request) -> bool:
    """Whether a request carries its permission in its URL: then it needs no key."""
    is_image = request.path.startswith(_PRIVATE)
    return is_image and request.query.get("sig") == _signature(request.path)


def download(world: World, request: Request, id: str, name: str) -> Answer:  # noqa: ARG001 - of the path
    """GET an image by the URL in an answer."""
    data = world.images.get(request.path)
    if data is None:
        raise problems.gateway(404, "BlobNotFound", "The specified blob does not exist.")
    return Answer(raw=data, headers={"content-type": "image/png"})
