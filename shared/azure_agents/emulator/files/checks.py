"""Check the options of a vector store."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..world import problems
from ..world.limits import Kind, Limit, Number, check_values, wrong_type

if TYPE_CHECKING:
    from ...jsonio import JSON

_STORE: Mapping[str, Limit] = {
    "chunking_strategy": Kind("object"),
    "configuration": Kind("object"),
    "expires_after": Kind("object"),
    "file_ids": Kind("array"),
    "name": Kind("string"),
}


def check_store(body: JSON) -> None:
    """Check the options of a vector store, or of files for one."""
    check_values(body, _STORE, wrong_type)
    after = body.get("expires_after")
    check_values(after or {}, {"days": Number(1, 365)}, wrong_type)
    if after is not None and after.get("days") is None:
        message = "Missing required parameter: 'expires_after.days'."
        param = "expires_after.days"
        raise problems.openai(400, message, param=param, code="missing_required_parameter")
