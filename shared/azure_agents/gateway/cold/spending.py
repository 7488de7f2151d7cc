"""What answers of this room used and cost: images, sound, and the lines of a batch. Pure.

Images are priced as they were asked for, sound as the service bills it. A batch is paid when its
output is read: its lines name models and tokens, at half the price.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from ...errors import AzureAgentsError, ProtocolError
from ...jsonio import JSON, loads
from ...models.settings import read_settings
from ...operations.images import PRICED
from ...prices.cost import response_cost
from ...routing.deployments import Deployment
from ..meter import Meter
from ..targets import entry_costs
from .asked import Wanted

_BATCH = {"custom_llm_provider": "azure"}
_MOST_LINE = 64 * 2**20  # bytes
_MOST_KNOWN = 100_000  # outputs that were read


def hidden_of(one: Deployment, wanted: Wanted) -> JSON:
    """What is known of a cost beside an answer.

    Args:
        one: Who answers.
        wanted: What was asked.
    """
    model = read_settings(one.model, one.params).model
    spoken = wanted.asked_for("input")
    known: JSON = {"custom_llm_provider": model.provider, "model": model.requested}
    if wanted.row.path.startswith("/images/"):
        known["image"] = {name: wanted.asked_for(name) for name in PRICED}
    if isinstance(spoken, str) and wanted.row.name == "speech":
        known["audio"] = {"characters": len(spoken)}
    return {**known, **entry_costs(one)}


def meter_of(answer: Mapping[str, Any], hidden: JSON, headers: Mapping[str, str]) -> Meter:
    """What an answer used.

    Args:
        answer: Its JSON; empty where it is none.
        hidden: From `hidden_of`.
        headers: Of the answer.
    """
    meter = Meter()
    meter.note(answer)
    meter.told_cost = _cost(dict(answer), {**hidden, "headers": dict(headers)})
    return meter


def estimate(hidden: JSON) -> float | None:
    """What an answer will cost, as far as the request tells; None: it does not.

    Args:
        hidden: From `hidden_of`.
    """
    return _cost({"data": [{}]}, hidden)


def _cost(answer: JSON, hidden: JSON) -> float | None:
    try:
        return response_cost(answer, hidden)
    except (AzureAgentsError, ArithmeticError, TypeError, ValueError):  # a request's own numbers
        return None


class BatchMeter:
    """Reads the output of a batch as it passes.

    Attributes:
        by_model: What its lines used, by the exact name of the model.
    """

    def __init__(self) -> None:
        self.by_model: dict[str, Meter] = {}
        self._rest: list[bytes] = []
        self._size = 0
        self._is_output: bool | None = None

    def feed(self, piece: bytes) -> None:
        """Read a piece.

        Args:
            piece: Of the file.
        """
        if self._is_output is False:
            return
        *lines, last = piece.split(b"\n")
        for line in lines:
            self._read(b"".join((*self._rest, line)))
            self._rest, self._size = [], 0
        self._rest.append(last)
        self._size += len(last)
        if self._size > _MOST_LINE:
            self._is_output, self._rest = False, []

    def end(self) -> None:
        """Read what has no line's end."""
        if self._size:
            self._read(b"".join(self._rest))
            self._rest, self._size = [], 0

    def _read(self, line: bytes) -> None:
        if self._is_output is False or not line.strip():
            return
        body = _answer_in(line)
        if self._is_output is None:  # the first line tells what the file is
            self._is_output = body is not None
        if body:
            self._add(body)

    def _add(self, body: JSON) -> None:
        name = str(body.get("model") or "")
        meter = self.by_model.setdefault(name, Meter(model=name, told_cost=0.0))
        cost = _cost({**body, "service_tier": "batch"}, _BATCH)
        is_known = cost is not None and meter.told_cost is not None
        meter.told_cost = (meter.told_cost or 0.0) + (cost or 0.0) if is_known else None
        usage = body.get("usage")
        for key, value in (usage if isinstance(usage, dict) else {}).items():
            if isinstance(value, int) and not isinstance(value, bool):
                meter.usage[key] = meter.usage.get(key, 0) + value


def _answer_in(line: bytes) -> JSON | None:
    """The answer in a line of a batch's output; empty if it is an error, None if it is no line."""
    try:
        data = loads(line)
    except ProtocolError:
        return None
    if not isinstance(data, dict) or "custom_id" not in data or "response" not in data:
        return None
    response = data["response"]
    body = response.get("body") if isinstance(response, dict) else None
    return body if isinstance(body, dict) and body.get("usage") else {}


class Booked:
    """Which outputs were paid for in this process: reading one again costs nothing."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, None] = OrderedDict()

    def is_first(self, file: str) -> bool:
        """Whether a file was never read before; it is now.

        Args:
            file: Its id.
        """
        if file in self._known:
            return False
        self._known[file] = None
        if len(self._known) > _MOST_KNOWN:
            self._known.popitem(last=False)
        return True
