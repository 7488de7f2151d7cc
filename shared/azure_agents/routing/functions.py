"""The functions that a router has besides chat: those of `operations`, by their names.

A router offers each of them as a method, and its twin for event loops with an ``a`` in front. What
they take is what the functions take; the router adds where, and how often.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from inspect import Parameter, signature
from typing import Any

_PLACES = {
    "audio": ("speech",),
    "batches": ("create_batch", "retrieve_batch", "cancel_batch", "list_batches"),
    "embeddings": ("embedding",),
    "files": ("create_file", "file_retrieve", "file_list", "file_delete", "file_content"),
    "fine_tuning": (
        "create_fine_tuning_job",
        "retrieve_fine_tuning_job",
        "cancel_fine_tuning_job",
        "list_fine_tuning_jobs",
        "list_fine_tuning_events",
    ),
    "image_edits": ("image_edit",),
    "images": ("image_generation",),
    "responses": ("responses",),
    "stored_responses": (
        "get_response",
        "delete_response",
        "cancel_response",
        "list_input_items",
    ),
    "text_completions": ("text_completion",),
    "transcripts": ("transcription", "translation"),
}
_PACKAGE = "azure_agents.operations"
_MODULES = {name: module for module, names in _PLACES.items() for name in names}
# LiteLLM's function takes the prompt first, and its router the model.
_MODEL_FIRST = ("text_completion", "atext_completion")
NAMES = tuple(sorted(_MODULES))


def operation_of(method: str) -> tuple[str, bool] | None:
    """The operation of a method, and whether it is the twin for event loops; None: it is none.

    Args:
        method: Such as ``aresponses``.
    """
    if method in _MODULES:
        return method, False
    return (method[1:], True) if method[:1] == "a" and method[1:] in _MODULES else None


def function_of(operation: str, *, is_async: bool) -> Callable[..., Any]:
    """The function of an operation.

    Args:
        operation: One of `NAMES`.
        is_async: Its twin for event loops.
    """
    name = f"a{operation}" if is_async else operation
    module = import_module(f"{_PACKAGE}.{_MODULES[operation]}")
    function: Callable[..., Any] = getattr(module, name)
    return function


def named_arguments(
    function: Callable[..., Any], args: tuple[Any, ...], given: Mapping[str, Any]
) -> dict[str, Any]:
    """The arguments of a call by their names, also those that were passed by their place.

    Args:
        function: What they are for.
        args: By place.
        given: By name.

    Raises:
        TypeError: There are too many, or one is there twice.
    """
    signed = signature(function)
    if function.__name__ in _MODEL_FIRST and args:
        named = dict(zip(("model", "prompt"), args, strict=False))
        args, given = args[len(named) :], {**named, **given}
    bound = signed.bind_partial(*args, **given).arguments
    rest = [p.name for p in signed.parameters.values() if p.kind is Parameter.VAR_KEYWORD]
    more = bound.pop(rest[0], {}) if rest else {}
    return {**bound, **more}


class Rewinding:
    """Puts files back to where they stood, so that each attempt sends all of them.

    Args:
        given: Arguments of a call; files stand in them, or in tuples and lists of them.
    """

    def __init__(self, given: Mapping[str, Any]) -> None:
        self._places = [(one, one.tell()) for one in _files(list(given.values()))]

    def __call__(self) -> None:
        """Put them back."""
        for file, place in self._places:
            file.seek(place)


def _files(value: Any) -> list[Any]:
    if isinstance(value, list | tuple):
        return [file for one in value for file in _files(one)]
    seekable = getattr(value, "seekable", None)
    return [value] if callable(seekable) and seekable() else []
