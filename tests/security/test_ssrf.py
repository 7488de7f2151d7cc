"""A URL in a message is passed on by reference: nothing on this side looks it up or fetches it.

An audit hook of the interpreter sees every socket and every file that anything opens, whatever
library it is; the agent lives in the emulator, which needs none.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from llama_index.core.base.llms.types import ChatMessage, DocumentBlock, ImageBlock, TextBlock
from pydantic import AnyUrl

from azure_agents import completion
from azure_agents.emulator import Emulator
from azure_agents.errors import AzureAgentsError
from azure_agents.messages import Media, Message, Text, TurnRequest
from langchain_azure_agents import ChatAzureAgent
from llamaindex_azure_agents import AzureAgentLLM

CANARY = "canary-of-a-file-b6e0"
URLS = {
    "metadata": "http://169.254.169.254/metadata/identity/oauth2/token?resource=x",
    "metadata, https": "https://169.254.169.254/latest/meta-data/",
    "metadata, decimal": "http://2852039166/",
    "metadata, octal": "http://0251.0376.0251.0376/",
    "metadata, hexadecimal": "http://0xa9fea9fe/",
    "metadata, mixed": "http://0xa9.254.0251.254/",
    "metadata, short": "http://169.254.43518/",
    "metadata, mapped": "http://[::ffff:169.254.169.254]/",
    "metadata, mapped in hexadecimal": "http://[::ffff:a9fe:a9fe]/",
    "metadata, 6to4": "http://[2002:a9fe:a9fe::]/",
    "metadata, NAT64": "http://[64:ff9b::a9fe:a9fe]/",
    "metadata, IPv6": "http://[fd00:ec2::254]/",
    "metadata, by name": "http://metadata.google.internal/computeMetadata/v1/",
    "wire server": "http://168.63.129.16/machine?comp=goalstate",
    "this machine": "http://127.0.0.1:8080/admin",
    "this machine, by name": "http://localhost/admin",
    "this machine, trailing dot": "http://localhost./admin",
    "this machine, short": "http://127.1/",
    "this machine, decimal": "http://2130706433/",
    "this machine, octal": "http://0177.0.0.1/",
    "this machine, IPv6": "http://[::1]/",
    "this machine, mapped": "http://[::ffff:127.0.0.1]/",
    "any address": "http://0.0.0.0/",
    "any address, short": "http://0/",
    "any address, IPv6": "http://[::]/",
    "other loopback": "http://127.255.255.254/",
    "private, ten": "http://10.0.0.1/",
    "private, 172": "http://172.16.0.1/",
    "private, 192": "http://192.168.0.1/",
    "shared": "http://100.64.0.1/",
    "link local": "http://[fe80::1]/",
    "rebinding": "http://a9fea9fe.7f000001.rbndr.us/",
    "name of an address": "http://169.254.169.254.nip.io/",
    "redirector": "https://redirect.example/?to=http://169.254.169.254/",
    "user part": "http://example.com@169.254.169.254/",
    "fragment": "http://169.254.169.254#@example.com/",
    "circled digits": "http://\u2460\u2461\u2466.\u24ea.\u24ea.\u2460/",
    "full-width dots": "http://127\uff0e0\uff0e0\uff0e1/",
    "port of a store": "http://127.0.0.1:6379/",
    "file": "file:///etc/passwd",
    "file of this test": "file://{file}",
    "file on a host": "file://localhost{file}",
    "path": "{file}",
    "UNC": "\\\\evil.example\\share\\x.png",
    "gopher": "gopher://127.0.0.1:6379/_FLUSHALL",
    "dict": "dict://127.0.0.1:11211/stat",
    "ftp": "ftp://127.0.0.1/x",
    "ldap": "ldap://127.0.0.1/x",
    "jar": "jar:http://127.0.0.1!/x",
    "netdoc": "netdoc:///etc/passwd",
    "php": "php://filter/resource=/etc/passwd",
    "blob": "blob:http://127.0.0.1/x",
    "script": "javascript:fetch('http://169.254.169.254/')",
    "sandbox": "sandbox:/mnt/data/x",
    "a public one": "https://example.com/cat.png",
}
OUTSIDE = (socket.AF_INET, socket.AF_INET6)
_WATCHED = {"socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"}


class Audit:
    """What was opened while it is on; a hook of the interpreter cannot be taken away again."""

    def __init__(self) -> None:
        self.is_on = False
        self.file = ""
        self.seen: list[str] = []

    def __call__(self, event: str, args: tuple[Any, ...]) -> None:
        if not self.is_on:
            return
        made = event == "socket.__new__" and args[1] in OUTSIDE
        if made or event in _WATCHED or (event == "open" and args[0] == self.file):
            self.seen.append(f"{event} {args}")
            raise PermissionError(event)


AUDIT = Audit()
sys.addaudithook(AUDIT)


@pytest.fixture
def local(tmp_path: Path) -> Iterator[Path]:
    """A file on this machine that nobody shall read; until the end, everything is watched."""
    path = tmp_path / "secret.png"
    path.write_text(CANARY)
    AUDIT.file, AUDIT.seen, AUDIT.is_on = str(path), [], True
    yield path
    AUDIT.is_on = False
    assert [] == AUDIT.seen


def _langchain(kind: str) -> Callable[[dict[str, Any], str], Any]:
    blocks: dict[str, Callable[[str], dict[str, Any]]] = {
        "image": lambda url: {"type": "image", "url": url},
        "image_url": lambda url: {"type": "image_url", "image_url": {"url": url}},
        "input_image": lambda url: {"type": "input_image", "image_url": url},
        "file": lambda url: {"type": "file", "url": url},
        "source": lambda url: {"type": "image", "source": {"type": "url", "url": url}},
    }

    def ask(connection: dict[str, Any], url: str) -> Any:
        llm = ChatAzureAgent(**connection)
        message = HumanMessage([{"type": "text", "text": "Look"}, blocks[kind](url)])
        with suppress(AzureAgentsError):
            llm.get_num_tokens_from_messages([message])
        return llm.invoke([message])

    return ask


def _llamaindex(kind: str) -> Callable[[dict[str, Any], str], Any]:
    def ask(connection: dict[str, Any], url: str) -> Any:
        block = ImageBlock(url=url) if kind == "image" else DocumentBlock(url=url)
        return AzureAgentLLM(**connection).chat(
            [ChatMessage(blocks=[TextBlock(text="Look"), block])]
        )

    return ask


def _completion(kind: str) -> Callable[[dict[str, Any], str], Any]:
    def ask(connection: dict[str, Any], url: str) -> Any:
        image = {"type": "image_url", "image_url": {"url": url}}
        part = image if kind == "image" else {"type": "file", "file": {"file_url": url}}
        content = [{"type": "text", "text": "Look"}, part]
        arguments = {**connection, "api_base": connection["endpoint"]}
        del arguments["endpoint"]
        return completion(messages=[{"role": "user", "content": content}], **arguments)

    return ask


def _core(kind: Any) -> Callable[[dict[str, Any], str], Any]:
    def ask(connection: dict[str, Any], url: str) -> Any:
        llm = ChatAzureAgent(**connection)
        message = Message("user", (Text("Look"), Media(kind, url=url)))
        return llm.client.complete(TurnRequest((message,)))

    return ask


DOORS = {
    **{
        f"LangChain {k}": _langchain(k)
        for k in ("image", "image_url", "input_image", "file", "source")
    },
    **{f"LlamaIndex {k}": _llamaindex(k) for k in ("image", "document")},
    **{f"completion {k}": _completion(k) for k in ("image", "file")},
    **{f"core {k}": _core(k) for k in ("image", "file")},
}


@pytest.mark.enable_socket
@pytest.mark.parametrize("generation", ["v2", "classic"])
@pytest.mark.parametrize("url", URLS.values(), ids=URLS)
def test_no_url_is_fetched(local: Path, url: str, generation: Any) -> None:
    """Eleven doors: by each the URL goes through as it is, or is refused with a typed error."""
    url = url.replace("{file}", str(local))
    for door, ask in DOORS.items():
        with Emulator() as foundry:
            agent = foundry.create_agent("my-agent", "Seen", generation=generation)
            connection = {"model": agent.model, **foundry.connection()}
            try:
                ask(connection, url)
            except (AzureAgentsError, ValueError) as error:
                # LlamaIndex's own blocks refuse what pydantic takes for no URL.
                assert isinstance(error, AzureAgentsError) or "LlamaIndex" in door, error  # noqa: PT017
            else:
                spellings = {url, *_respelt(url)}
                bodies = "".join(str(request.body) for request in foundry.requests)
                assert any(each in bodies or repr(each)[1:-1] in bodies for each in spellings), door
            assert CANARY not in repr(foundry.requests), door


def _respelt(url: str) -> Iterator[str]:
    """LlamaIndex keeps image URLs in pydantic's spelling."""
    with suppress(ValueError):
        yield str(AnyUrl(url))


@pytest.mark.enable_socket
def test_the_audit_sees_what_it_must() -> None:
    """A hook that sees nothing proves nothing."""
    AUDIT.seen, AUDIT.is_on = [], True
    try:
        with pytest.raises(PermissionError):
            socket.getaddrinfo("localhost", 80)
        with pytest.raises(PermissionError):
            socket.create_connection(("127.0.0.1", 9))
    finally:
        AUDIT.is_on = False
    assert ["socket.getaddrinfo", "socket.getaddrinfo"] == [each.split()[0] for each in AUDIT.seen]


@pytest.mark.enable_socket
@pytest.mark.parametrize("url", URLS.values(), ids=URLS)
def test_tokens_are_counted_without_a_look(local: Path, url: str) -> None:
    """Counting the tokens of a picture was how a server was once made to fetch (CVE-2026-26013)."""
    url = url.replace("{file}", str(local))
    llm = ChatAzureAgent(
        model="my-agent", endpoint="https://r.services.ai.azure.com/api/projects/p", api_key="x"
    )
    for block in (
        {"type": "image_url", "image_url": {"url": url}},
        {"type": "image_url", "image_url": {"url": url, "detail": "high"}},
        {"type": "image", "url": url},
        {"type": "file", "url": url},
    ):
        assert 0 < llm.get_num_tokens_from_messages([HumanMessage([block])]) < 1000
