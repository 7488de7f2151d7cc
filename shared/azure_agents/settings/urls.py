"""Base URLs that people paste: taken apart, checked, and never shown with a secret in them. Pure.

Parts that may hold a secret (the user part, query or fragment of a URL; a text that is no URL at
all, such as a key in the wrong place) are never repeated in a message.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field, replace
from urllib.parse import SplitResult, urlsplit

from ..errors import ConfigError

_HOST = re.compile(r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*")
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f-\x9f\\\s]")
_SEGMENT = re.compile(r"(?:/[A-Za-z0-9_-][A-Za-z0-9_.:~-]*)*")


@dataclass(frozen=True, slots=True)
class Url:
    """A base URL.

    Attributes:
        origin: ``https://host[:port]``; a credential never leaves it.
        host: The host in lower case, IPv6 without brackets.
        path: The path, without a slash at its end; "" for the root.
        allow_http: Whether plain http was allowed for a host other than this machine.
        query: The query as it was pasted; never sent, and not shown.
    """

    origin: str
    host: str
    path: str
    allow_http: bool = False
    query: str = field(default="", repr=False, compare=False)

    @property
    def url(self) -> str:
        """The whole URL, without its query and a slash at its end."""
        return self.origin + self.path

    @property
    def safe(self) -> str:
        """The URL as it may stand in a message."""
        return _quoted(self.url)

    @property
    def is_loopback(self) -> bool:
        """Whether the host is this machine."""
        return is_loopback(self.host)

    def at(self, path: str) -> Url:
        """Make a URL of the same origin with another path, without a query."""
        return replace(self, path=path.rstrip("/"), query="")


def read_url(text: object, name: str, find: str, *, allow_http: bool = False) -> Url:
    """Read a base URL.

    Args:
        text: The value that the caller passed.
        name: The setting, for messages.
        find: Where the right value is found, for messages.
        allow_http: Accept plain http for a host other than this machine.

    Raises:
        ConfigError: The text is no URL, or a credential would not be safe there.
    """
    text = text.strip() if isinstance(text, str) else text
    parts = split_url(text, name, find)
    shown_text = safe(str(text))
    if parts.fragment or str(text).endswith("#"):
        raise ConfigError(f"{name} {shown_text} has a fragment: cut it off")
    host, port = host_and_port(parts, name, find)
    path = re.sub(r"/{2,}", "/", parts.path).rstrip("/")
    if not _SEGMENT.fullmatch(path) or {".", ".."} & set(path.split("/")):
        raise ConfigError(f"{name} {shown_text} has a path that cannot be sent: {find}")
    check_scheme(parts, name, allow_http=allow_http)
    return Url(origin(parts.scheme, host, port), host, path, allow_http, parts.query)


def split_url(text: object, name: str, find: str) -> SplitResult:
    """Split a URL; its path, query and fragment are not checked.

    Args:
        text: The value that the caller passed.
        name: The setting, for messages.
        find: Where the right value is found, for messages.

    Raises:
        ConfigError: No http URL, or one with a user in it.
    """
    if not isinstance(text, str):
        raise ConfigError(f"{name} must be a string, got {type(text).__name__}: {find}")
    if not text:
        raise ConfigError(f"{name} is empty: {find}")
    if _FORBIDDEN.search(text):
        raise ConfigError(
            f"{name} {safe(text)} contains white space, a backslash or a control character: "
            "remove it"
        )
    try:
        parts = urlsplit(text)
    except ValueError:
        # `from None`: the cause repeats the text, which may hold a secret.
        raise ConfigError(f"{name} {safe(text)} is not a URL: {find}") from None
    if parts.scheme not in {"https", "http"}:
        raise ConfigError(f"{name} {safe(text)} does not begin with 'https://': {find}")
    if "@" in parts.netloc:
        raise ConfigError(
            f"{name} {safe(text)} holds a user or password: remove it, and pass credential= or "
            "api_key="
        )
    return parts


def host_and_port(parts: SplitResult, name: str, find: str) -> tuple[str, int | None]:
    """Give the host of a URL, in lower case, and its port.

    Args:
        parts: From `split_url`.
        name: The setting, for messages.
        find: Where the right value is found, for messages.

    Raises:
        ConfigError: It has none that can be connected to.
    """
    try:
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port = "", 0
    if port == 0 or not _is_host(host) or not _is_plain(parts.netloc, host):
        raise ConfigError(
            f"{name} {safe(parts.geturl())} has no valid host and port: {find} (an international "
            "name in its 'xn--' form)"
        )
    return host, port


def check_scheme(parts: SplitResult, name: str, *, allow_http: bool) -> None:
    """Refuse plain http to another machine, unless the caller allows it.

    Args:
        parts: From `split_url`.
        name: The setting, for messages.
        allow_http: The caller trusts the network.

    Raises:
        ConfigError: A credential would be shown to the network.
    """
    if parts.scheme == "http" and not (allow_http or is_loopback(parts.hostname or "")):
        raise ConfigError(
            f"{name} {safe(parts.geturl())} is plain http, which would show the credential to the "
            "network: use https://, or pass allow_http=True if the network is trusted"
        )


def _is_host(host: str) -> bool:
    # Longer names, and longer labels, are none for DNS: the network library trips over them.
    if len(host) > 253 or any(len(label) > 63 for label in host.split(".")):
        return False
    return _is_ip(host) or _HOST.fullmatch(host) is not None


def _is_plain(netloc: str, host: str) -> bool:
    # `urlsplit` drops what stands beside the brackets of ``[::1].example``: the host that was
    # checked must be the host as it was written.
    name = f"[{host}]" if ":" in host else host
    return netloc.lower().rpartition(":")[0] == name or netloc.lower() == name


def safe(text: str) -> str:
    """Show a URL without its user, query and fragment; show nothing of what is no URL."""
    scheme, separator, rest = text.partition("://")
    if not separator:
        return f"({len(text)} characters)"
    rest = re.split(r"[?#]", rest)[0].rpartition("@")[2]
    return _quoted(f"{scheme}://{rest}")


def _quoted(text: str) -> str:
    return repr(text if len(text) <= 120 else f"{text[:119]}…")


def origin(scheme: str, host: str, port: int | None) -> str:
    """Write an origin, without the port that its scheme has by default."""
    name = f"[{host}]" if ":" in host else host
    default = 443 if scheme == "https" else 80
    return f"{scheme}://{name}" if port in {None, default} else f"{scheme}://{name}:{port}"


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return "%" not in host  # a zone id has a meaning on one machine only


def is_loopback(host: str) -> bool:
    """Whether a host is this machine."""
    return host == "localhost" or (_is_ip(host) and ipaddress.ip_address(host).is_loopback)
