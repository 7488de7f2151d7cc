"""A call that is answered with bytes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..files.arriving import Arriving
from ..files.progress import OnProgress
from ..prices.cost import response_cost
from .byte_answers import AsyncBytesAnswer, BytesAnswer
from .byte_body import AHEAD
from .call import OperationCall
from .downloads import download
from .recent_clients import recent_clients
from .requests import Request
from .settings import ModelSettings


class BytesCall(OperationCall[BytesAnswer]):
    """One checked call; nothing has been sent.

    Args:
        settings: Of the call.
        request: What goes up.
        name: What a file in a folder is called where the service gives no name.
        progress: Called with the bytes done and the bytes in all (None: unknown).
        streamed: Read nothing ahead.
    """

    def __init__(
        self,
        settings: ModelSettings,
        request: Request,
        name: str,
        progress: OnProgress | None = None,
        *,
        streamed: bool = False,
    ) -> None:
        super().__init__(settings, request)
        self._name, self._progress = name, progress
        self._ahead = 0 if streamed else AHEAD

    def hidden(self, headers: Mapping[str, str]) -> dict[str, Any]:
        """What LiteLLM keeps in ``_hidden_params``; of speech also its cost, of a file none.

        Args:
            headers: Of the reply.
        """
        known = super().hidden(headers)
        if not self.request.operation.of_deployment:
            return known
        return {**known, "response_cost": response_cost({}, known)}

    def begun(self) -> BytesAnswer:
        """Ask, wait until the service accepts the call, and read ahead."""
        client, _ = recent_clients(self.settings)
        arriving = self._arriving()
        answer = BytesAnswer(arriving, self._name, self.hidden, self._progress, self._ahead)
        flow = download(self.request, arriving)
        return answer.begin(client.chunks(flow, self.settings.timeouts, self._headers))

    async def abegun(self) -> AsyncBytesAnswer:
        """Do as `begun` does, on an event loop."""
        _, client = recent_clients(self.settings)
        arriving = self._arriving()
        answer = AsyncBytesAnswer(arriving, self._name, self.hidden, self._progress, self._ahead)
        flow = download(self.request, arriving)
        return await answer.begin(client.chunks(flow, self.settings.timeouts, self._headers))

    def _arriving(self) -> Arriving:
        return Arriving(self.request.doing, None, beat=1)
