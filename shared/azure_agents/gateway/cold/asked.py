"""What a request of this room asks: its path, query and body, checked before anything is sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl

from ...models.operation_table import Operation
from ..asgi import ClientGone, Message, Receive, read_body
from ..refusals import Refusal
from ..requests import NO_MODEL, Request, check_fields, read_object
from .forms import LIMITS, Form, read_form

# Of a query or a body: who is asked, and not what.
_WHO = ("model", "custom_llm_provider", "provider", "target_model_names")
PATHS = ("endpoint",)  # of a batch: what its lines ask; elsewhere another name of a base
_OURS = frozenset({*_WHO, "api-version"})
_PROVIDERS = ("azure", "openai")
_MOST_ID = 512
_MOST_NAME = 256
_FORM = b"multipart/form-data"
_SLACK = 2**20  # bytes of a form beside its files


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked.

    Attributes:
        row: The operation.
        model: That path, body or query name; None: none.
        provider: ``azure`` or ``openai``, if the client says so; None: it does not.
        id: Of a file, batch, job or response, as the client wrote it; "" without one.
        query: What of the query goes up.
        fields: Of a JSON body, without those that say who is asked.
        form: A form, likewise; None: there is none.
        raw: The JSON body as it came; None: there is none.
        names_model: That body has a field ``model``.
    """

    row: Operation
    model: str | None = None
    provider: str | None = None
    id: str = ""
    query: tuple[tuple[str, str], ...] = ()
    fields: Mapping[str, Any] = field(default_factory=dict)
    form: Form | None = None
    raw: bytes | None = None
    names_model: bool = True

    @property
    def streams(self) -> bool:
        """The answer is asked for as events."""
        if not self.row.streams and self.row.answer != "text or json":
            return False
        said = self.fields.get("stream")
        text = self.form.text("stream") if self.form is not None else dict(self.query).get("stream")
        return said is True or str(text).lower() == "true"

    def asked_for(self, name: str) -> Any:
        """A field of the body, whatever form it has.

        Args:
            name: Of the field.
        """
        return self.form.text(name) if self.form is not None else self.fields.get(name)


@dataclass(frozen=True, slots=True)
class Limits:
    """Bytes that bodies may have.

    Attributes:
        body: Of one for a model.
        file: Of one with a file to keep.
    """

    body: int
    file: int

    def of(self, row: Operation) -> int:
        """Those of an operation.

        Args:
            row: The operation.
        """
        return self.file + _SLACK if row.makes == "file" else self.body


async def read_wanted(
    row: Operation,
    scope: Message,
    request: Request,
    receive: Receive,
    *,
    limits: Limits,
    keeping: AsyncExitStack,
) -> Wanted:
    """Read a request.

    Args:
        row: What its path and method ask for.
        scope: Of ASGI, with Starlette's path parameters.
        request: Its head.
        receive: Of the request.
        limits: Of bodies.
        keeping: Closes the files of a form.

    Raises:
        Refusal: Something of it is wrong.
        ClientGone: The client left before its end.
    """
    query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    check_fields(name for name, _ in query)
    path = scope["path_params"]
    wanted = Wanted(row, id=_id(path), query=tuple(one for one in query if one[0] not in _OURS))
    who: dict[str, object] = {name: value for name, value in query if name in _WHO}
    if row.body == "json":
        wanted = await _with_json(wanted, request, receive, limits, who)
    elif row.body == "multipart":
        most = limits.of(row)
        form = await _form(scope, request, _bounded(request, receive, most), keeping)
        who.update((name, form.text(name)) for name in _WHO if form.text(name) is not None)
        wanted = replace(wanted, form=form.without(*_WHO))
    if "model" in path:
        who["model"] = path["model"]
    header = request.header(b"custom-llm-provider")
    if header is not None:
        who["provider"] = header.decode("latin-1")
    return replace(wanted, model=_model(who, row), provider=_provider(who))


async def _with_json(
    wanted: Wanted, request: Request, receive: Receive, limits: Limits, who: dict[str, object]
) -> Wanted:
    most = limits.of(wanted.row)
    raw = await read_body(receive, most, request.header(b"content-length"))
    given = read_object(raw)
    check_fields(given.keys() - {*_WHO, *(PATHS if wanted.row.makes == "batch" else ())})
    who.update((name, given[name]) for name in _WHO if name in given)
    fields = {name: value for name, value in given.items() if name not in _WHO}
    is_same = not (given.keys() & {*_WHO}) - {"model"}
    kept = raw if is_same else None
    return replace(wanted, fields=fields, raw=kept, names_model="model" in given)


async def _form(
    scope: Message, request: Request, receive: Receive, keeping: AsyncExitStack
) -> Form:
    from starlette.requests import ClientDisconnect
    from starlette.requests import Request as Reading

    kind = request.header(b"content-type") or b""
    if not kind.lower().startswith(_FORM):
        raise Refusal(400, f"{request.path[:200]} takes multipart/form-data, with a file")
    reading = Reading(scope, receive)
    keeping.push_async_callback(reading.close)
    try:
        form = read_form(await reading.form(**LIMITS))
    except ClientDisconnect:
        raise ClientGone from None
    check_fields({name for name, _ in form.texts} - {*_WHO})
    if not form.files:
        raise Refusal(400, "the form has no file: a part with a filename", param="file")
    return form


def _bounded(request: Request, receive: Receive, most: int) -> Receive:
    """What is received, up to a limit."""
    length = request.header(b"content-length")
    refusal = Refusal(413, f"the body is longer than {most} bytes", code="request_too_large")
    if length is not None and (not length.isdigit() or int(length) > most):
        raise refusal
    size = 0

    async def bounded() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > most:
            raise refusal
        return message

    return bounded


def _id(path: Mapping[str, str]) -> str:
    id = path.get("id", "")
    if len(id) > _MOST_ID or any(ord(one) <= ord(" ") for one in id) or id in (".", ".."):
        raise Refusal(404, "there is no such id", code="not_found", param="id")
    return id


def _model(who: Mapping[str, object], row: Operation) -> str | None:
    named = who.get("target_model_names")
    if isinstance(named, str | list) and "model" not in who:
        return _one_of(named if isinstance(named, list) else named.split(","))
    model = who.get("model")
    if model is None and not row.of_deployment:
        return None
    if isinstance(model, str) and 0 < len(model) <= _MOST_NAME and ".." not in model:
        return model
    raise Refusal(400, NO_MODEL, param="model", code="missing_model")


def _one_of(names: Sequence[Any]) -> str:
    if len(names) == 1 and isinstance(names[0], str) and names[0].strip():
        return names[0].strip()
    raise Refusal(
        400,
        "target_model_names must name one model: a file is kept on one resource, and its id leads "
        "back there",
        param="target_model_names",
    )


def _provider(who: Mapping[str, object]) -> str | None:
    said = who.get("provider") or who.get("custom_llm_provider")
    if said is None or said in _PROVIDERS:
        return None if said is None else str(said)
    raise Refusal(
        400,
        f"custom-llm-provider must be azure or openai, not {str(said)[:50]!r}: here are no others",
        param="custom_llm_provider",
    )
