"""What goes up of a request to one resource: its deployment's name, the client's fields, a file."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import Any

from ...jsonio import dumps
from ...routing.deployments import Deployment
from ...routing.lines import renamed
from ..asked import Asked
from ..targets import Target
from .asked import Wanted
from .forms import Body, Form
from .owners import named_file, owned_batch

_JSON = "application/json"


class Bodies:
    """Writes the body of each attempt.

    Args:
        wanted: What the client asks.
        asked: The same, with ids as the service knows them.
        names: What its models are called, by resource and by the client's name.
        owner: A word for whose it is; None: there is one key.
        kept_by: Closes files that are written on the way.
    """

    def __init__(
        self,
        wanted: Wanted,
        asked: Asked,
        names: Mapping[str, Mapping[str, str]],
        owner: str | None,
        kept_by: ExitStack,
    ) -> None:
        self._wanted, self._asked, self._names = wanted, asked, names
        self._given = asked.given
        self._owner, self._kept_by = owner, kept_by

    async def to(self, one: Deployment, target: Target) -> Body | None:
        """The body for a deployment; None: it has none.

        Args:
            one: Who is asked.
            target: Where.
        """
        wanted, row = self._wanted, self._wanted.row
        if wanted.form is not None:
            if row.makes == "file":
                return (await self._file(wanted.form, one)).body()
            return wanted.form.body(_fields_of_form(wanted.form, target))
        if row.body != "json":
            return None
        if row.of_deployment:
            sent = target.sent(self._asked, asks_usage=False)
            return _whole(sent.body)
        return _whole(dumps(self._made(one)))

    def _names_at(self, one: Deployment) -> Mapping[str, str]:
        return self._names.get(one.resource, {})

    def _made(self, one: Deployment) -> Mapping[str, Any]:
        """The body of what is made on a resource."""
        if self._wanted.row.makes == "batch":
            return self._given if self._owner is None else owned_batch(self._given, self._owner)
        model = self._wanted.model
        named = {} if model is None else {"model": self._names_at(one).get(model, model)}
        return {**named, **self._given}

    async def _file(self, form: Form, one: Deployment) -> Form:
        """The form of a file, its lines naming the deployments of this resource."""
        names = self._names_at(one)
        files = []
        for name, file in form.files:
            kept = file
            if names:
                kept = await asyncio.to_thread(renamed, file, names, self._kept_by)
            if self._owner is not None:
                kept = kept.named(named_file(kept.name, self._owner))
            files.append((name, kept))
        return replace(form, files=tuple(files))


def _fields_of_form(form: Form, target: Target) -> list[tuple[str, str]]:
    """The deployment, and fields of the entry that the client did not set."""
    known = {name.removesuffix("[]") for name, _ in form.texts}
    named = [] if target.model is None else [("model", target.model)]
    added = [(k, _text(v)) for k, v in target.fields.items() if k not in known]
    return [*named, *added]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else dumps(value).decode()


def _whole(data: bytes) -> Body:
    return Body(_JSON, len(data), partial(_once, data), data)


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data
