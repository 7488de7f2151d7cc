"""Files of batches on their way to a resource: their lines name models of the list.

A batch runs on one resource, and there a model is known by its deployment. So the models that the
lines name decide where a file may go, the least used resource of these takes it, and each name of
the list becomes the name that the model has there. A name that nobody knows goes up as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any, NamedTuple

from ..errors import InvalidRequestError
from ..files.disk import LocalFile
from ..models.uploads import read_upload
from .book import Book
from .deployments import Deployment
from .flow import Group
from .homes import bare_name
from .lines import models_in, renamed


class BatchFile(NamedTuple):
    """A file whose lines name models of the list.

    Attributes:
        file: As the caller wrote it.
        names: What its models are called, by resource and by the caller's name.
        kept_by: Closes files that are written on the way.
    """

    file: LocalFile
    names: Mapping[str, Mapping[str, str]]
    kept_by: ExitStack

    def at(self, one: Deployment) -> LocalFile:
        """The file for a resource.

        Args:
            one: A deployment there.
        """
        return renamed(self.file, self.names.get(one.resource, {}), self.kept_by)


def is_batch(operation: str, given: Mapping[str, Any]) -> bool:
    """Whether a call uploads the lines of a batch.

    Args:
        operation: Name of a row of the table.
        given: The arguments of the call.
    """
    return operation == "create_file" and given.get("purpose") == "batch"


def read_batch(book: Book, model: object, source: object) -> tuple[LocalFile, dict[str, Group]]:
    """Read a file, and who has the models that its lines name.

    Args:
        book: The deployments.
        model: That the caller named beside the file; it must be in the list. None: none.
        source: The file.

    Returns:
        The file, and the deployments by the name that the caller used; none where no line names a
        model of the list.

    Raises:
        InvalidRequestError: The file cannot be read, or has a line that is none of a batch.
    """
    file = read_upload(source, "lines")
    known = {name: group for name in models_in(file) if (group := _deployments(book, name))}
    if known and isinstance(model, str):
        known[model] = book.group(model)
    return file, {name: _keeping(group) for name, group in known.items()}


def no_home(models: Mapping[str, Group]) -> InvalidRequestError:
    """The error where no resource has all models of a file.

    Args:
        models: By the names that the caller used.
    """
    named = " and ".join(map(repr, models))
    return InvalidRequestError(
        f"no resource takes a file for {named}: a batch runs on one resource, so put the lines "
        "of each model into a file of its own",
        param="model",
    )


def _deployments(book: Book, name: str) -> Group:
    """Those that a line's name stands for: in the list, or on a resource."""
    found = book.find(name)
    return found or tuple(one for one in book.deployments if bare_name(one.model) == name)


def _keeping(group: Group) -> Group:
    return tuple(one for one in group if one.keeps_files)
