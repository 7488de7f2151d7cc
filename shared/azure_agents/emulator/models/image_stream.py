"""The stream of an image: pictures on the way, then the picture, as OpenAI describes them.

Nothing of it was recorded. A picture on the way is the picture itself: a client cannot tell.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ..world.limits import Number
from ..world.turns import frame
from .refusals import unsupported

if TYPE_CHECKING:
    from ...jsonio import JSON
    from ..world.turns import Work
    from .answer import Call

_MOST = 3


def check_image_stream(body: JSON, model: str) -> None:
    """Refuse a stream where the model has none.

    Raises:
        Problem: A 400 that names the parameter.
    """
    if "gpt-image" not in model:
        for name in ("partial_images", "stream"):
            if body.get(name):
                raise unsupported(name)
    Number(0, _MOST).check("partial_images", body.get("partial_images") or 0)


def image_events(call: Call, kind: str, whole: Callable[[], JSON]) -> Work:
    """Yield the events of an image.

    Args:
        call: What was asked.
        kind: ``image_generation`` or ``image_edit``.
        whole: Builds the answer that is not streamed.
    """
    answer = whole()
    shown = {key: answer[key] for key in ("size", "quality", "background", "output_format")}
    for item in answer["data"]:
        told: JSON = {"b64_json": item["b64_json"], "created_at": call.created, **shown}
        for number in range(call.body.get("partial_images") or 0):
            name = f"{kind}.partial_image"
            yield frame(name, {"type": name, **told, "partial_image_index": number})
        name = f"{kind}.completed"
        yield frame(name, {"type": name, **told, "usage": answer["usage"]})
