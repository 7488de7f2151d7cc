"""Headers that the caller adds to requests: who the user is, and what a proxy needs.

Their values may be secret or name a person, so nothing here shows, logs or pickles them. Two users
must never share a cache entry or an owner's scope: `fingerprint` distinguishes values without
showing them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, NoReturn

from ..errors import ConfigError

USER_IDENTITY = "x-ms-user-identity"  # recorded at an agent's own endpoint
IMAGE_DEPLOYMENT = "x-ms-oai-image-generation-deployment"  # recorded at a project

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}")
_VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?")
_LONGEST = 8192  # characters of a value; servers refuse more
_OURS = frozenset(
    {
        "accept",
        "accept-encoding",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "expect",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
    }
)
_INSTEAD = {
    "authorization": "pass credential=",
    "api-key": "pass api_key=",
    "x-api-key": "pass api_key=",  # Claude's; any -subscription-key is API Management's and goes
    "cookie": "cookies are never sent, since a client serves many users",
    "host": "pass endpoint=",
    "proxy-authorization": "put the proxy's user and password into HTTPS_PROXY",
    "proxy-connection": "it belongs to the connection",
    USER_IDENTITY: "pass user_identity=",
    IMAGE_DEPLOYMENT: "pass image_generation_deployment=",
}


class _Hidden:
    """Base of values that are compared, and never shown or pickled."""

    __slots__ = ("_fingerprint",)
    _fingerprint: str

    @property
    def fingerprint(self) -> str:
        """16 characters of the value's SHA-256: different for different values."""
        return self._fingerprint

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.__reveal__() == self.__reveal__()

    def __hash__(self) -> int:
        return hash((type(self), self._fingerprint))

    def __reveal__(self) -> Any:
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"{type(self).__name__}(#{self._fingerprint})"

    def __copy__(self) -> Any:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return LeftBehind, (_ARGUMENTS[type(self)],)


class UserIdentity(_Hidden):
    """Who uses the agent, for services that keep users apart.

    Args:
        value: The value of the header; recorded as a GUID.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value
        self._fingerprint = _digest(value)

    def reveal(self) -> str:
        """Give the text, to be sent."""
        return self._value

    __reveal__ = reveal


class ExtraHeaders(_Hidden):
    """Headers that the caller adds to every request.

    Args:
        values: Values by the name of the header, in lower case.
    """

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = dict(sorted(values.items()))
        lines = "\n".join(f"{name}: {value}" for name, value in self._values.items())
        self._fingerprint = _digest(lines)

    def reveal(self) -> dict[str, str]:
        """Give the headers, to be sent."""
        return dict(self._values)

    __reveal__ = reveal

    def __bool__(self) -> bool:
        return bool(self._values)


class LeftBehind:
    """Takes the place of a value that is not pickled and must be passed again.

    Until it is, every call is refused: otherwise a restored client would call without the user's
    identity.

    Args:
        argument: The name of the argument that was left out.
    """

    fingerprint = "left behind"

    def __init__(self, argument: str) -> None:
        self.argument = argument

    def reveal(self) -> NoReturn:
        """Refuse, since the value is not known here.

        Raises:
            ConfigError: Always.
        """
        raise ConfigError(
            f"{self.argument}= is not pickled and was left behind: pass {self.argument}= again, "
            "with the call or to a new object"
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LeftBehind) and other.argument == self.argument

    def __hash__(self) -> int:
        return hash(self.argument)

    def __repr__(self) -> str:
        return f"LeftBehind({self.argument!r})"


_ARGUMENTS = {UserIdentity: "user_identity", ExtraHeaders: "extra_headers"}


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:16]


def user_identity_of(value: object) -> UserIdentity | LeftBehind | None:
    """Read ``user_identity=``; None: nobody in particular.

    Raises:
        ConfigError: It cannot stand in a header.
    """
    if value is None or isinstance(value, UserIdentity | LeftBehind):
        return value
    text = _sendable(value)
    if not text:
        raise ConfigError(
            "user_identity must be a text of visible ASCII characters (the service's examples are "
            "GUIDs), with no space or line break around it, got "
            f"{type(value).__name__}: pass the id of the user, not the name"
        )
    return UserIdentity(text)


def extra_headers_of(value: object) -> ExtraHeaders | LeftBehind | None:
    """Read ``extra_headers=``; an empty mapping is none.

    Raises:
        ConfigError: It is no mapping of texts to texts, or has a header that the client sets.
    """
    if value is None or isinstance(value, LeftBehind):
        return value
    if isinstance(value, ExtraHeaders):
        return value or None
    if not isinstance(value, Mapping):
        raise ConfigError(
            f"extra_headers must be a dictionary of header names to values, got "
            f"{type(value).__name__}"
        )
    if len({str(name).lower() for name in value}) < len(value):
        raise ConfigError("extra_headers names a header twice, in two spellings: give it once")
    checked = dict(_checked_header(name, text) for name, text in value.items())
    return ExtraHeaders(checked) if checked else None


_READERS = {"extra_headers": extra_headers_of, "user_identity": user_identity_of}


def with_hidden(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Copy the arguments of a call, with headers and identity in a form that shows nothing.

    The copy may be printed, traced and used in the key of a cache.

    Raises:
        ConfigError: A header or identity that cannot be sent.
    """
    return {n: _READERS[n](v) if n in _READERS else v for n, v in arguments.items()}


def image_deployment_of(value: object) -> str | None:
    """Read ``image_generation_deployment=``.

    Raises:
        ConfigError: It is no text that can stand in a header.
    """
    if value is None or (isinstance(value, str) and _is_value(value)):
        return value
    raise ConfigError(
        "image_generation_deployment must be the name of a deployment, for instance "
        f"'gpt-image-1-mini', got {repr(value)[:80]}"
    )


def _checked_header(name: object, value: object) -> tuple[str, str]:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ConfigError(f"extra_headers: {repr(name)[:80]} is no name of a header")
    lower = name.lower()
    if lower in _INSTEAD:
        raise ConfigError(f"extra_headers cannot set {name!r}; {_INSTEAD[lower]}")
    if lower in _OURS:
        raise ConfigError(f"extra_headers cannot set {name!r}, which the client sets itself")
    text = _sendable(value)
    if text is None:
        # The value stays out of the sentence: it may be a key.
        raise ConfigError(
            f"extra_headers: the value of {name!r} must be a text of visible ASCII characters, "
            f"with no space or line break around it, got {type(value).__name__}"
        )
    return lower, text


def _sendable(value: object) -> str | None:
    # None instead of an error: the frame that raises would hold the plain text, and error trackers
    # print local variables.
    reveal = getattr(value, "get_secret_value", None)  # pydantic's SecretStr
    text = reveal() if callable(reveal) else value
    if isinstance(text, str) and (text == "" or _is_value(text)):
        return text
    return None


def _is_value(text: str) -> bool:
    return len(text) <= _LONGEST and _VALUE.fullmatch(text) is not None
