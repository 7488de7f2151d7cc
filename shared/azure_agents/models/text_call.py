"""A call that is answered with JSON or with text, as the caller asked: transcripts, subtitles."""

from __future__ import annotations

from ..errors import ProtocolError
from ..protocols.commands import Reply
from ..service_errors.envelopes import request_id_of
from .answers import Answer
from .call import AnswerCall
from .replies import media_type


class TextCall(AnswerCall):
    """One checked call; nothing has been sent."""

    def answer(self, reply: Reply) -> Answer:
        """Read a whole reply; a text is the field ``text``, as in the JSON forms.

        Raises:
            ProtocolError: It is the page of a proxy, or no text.
        """
        if media_type(reply.headers) == "text/plain":
            return Answer({"text": self._text(reply)}, self.hidden(reply.headers))
        return super().answer(reply)

    def _text(self, reply: Reply) -> str:
        try:
            return reply.body.decode()
        except UnicodeDecodeError as exc:
            raise ProtocolError(
                f"{self.request.doing}: the answer is no text in UTF-8",
                request_id=request_id_of(reply.headers),
            ) from exc
