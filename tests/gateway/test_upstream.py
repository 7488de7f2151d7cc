"""The way to upstreams: whom to trust, by which proxy, with which token and which ids."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from yarl import URL

from azure_agents.emulator.served.certificate import Certificate, make_certificate
from azure_agents.errors import NotSentError
from azure_agents.gateway import targets
from azure_agents.gateway.exchange import Call, Way
from azure_agents.gateway.upstream import Upstream
from azure_agents.sign_in.auth import make_auth

from .test_connections import OK, Server, plays
from .test_streams_end import Client, body, gateway, whole

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

HI = plays(OK + b"content-length: 2\r\n\r\nhi")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """For localhost, signed by an authority of its own."""
    return make_certificate(tmp_path_factory.mktemp("tls"), ["localhost"])


@asynccontextmanager
async def tls_server(certificate: Certificate) -> AsyncIterator[tuple[int, list[str]]]:
    """A server with that certificate; tells which names it was asked for."""
    server, names = Server(HI), list[str]()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate.chain, certificate.key)
    context.sni_callback = lambda _, name, __: names.append(name)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=context)
    try:
        yield listening.sockets[0].getsockname()[1], names
    finally:
        listening.close()


@pytest.fixture
def trusts(certificate: Certificate, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment names the authority."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.authority))


async def ask(url: str, **more: Any) -> bytes:
    """One request on connections of its own."""
    upstream = Upstream()
    try:
        answer = await upstream.ask(Call(URL(url), {}, b"question", **more), "testing")
        return await answer.whole()
    finally:
        await upstream.aclose()


@pytest.mark.usefixtures("trusts")
async def test_the_authority_of_the_environment_is_trusted(certificate: Certificate) -> None:
    """And the server is asked for by its name."""
    async with tls_server(certificate) as (port, names):
        assert b"hi" == await ask(f"https://localhost:{port}/a")
        assert ["localhost"] == names


async def test_an_unknown_authority_is_not(certificate: Certificate) -> None:
    """Nothing is sent."""
    async with tls_server(certificate) as (port, _):
        with pytest.raises(NotSentError, match="SSLCertVerificationError"):
            await ask(f"https://localhost:{port}/a")


@pytest.mark.usefixtures("trusts")
async def test_a_certificate_of_another_name_is_not(certificate: Certificate) -> None:
    """Nor is one for a name where an address was asked for."""
    async with tls_server(certificate) as (port, _):
        with pytest.raises(NotSentError, match="SSLCertVerificationError"):
            await ask(f"https://127.0.0.1:{port}/a")


async def test_no_tls_is_no_connection() -> None:
    """A server that speaks plain HTTP on the port."""

    async def complain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    listening = await asyncio.start_server(complain, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    with pytest.raises(NotSentError, match="SSLError"):
        await ask(f"https://localhost:{port}/a")
    listening.close()


async def test_a_proxy_is_asked_for_the_whole_address() -> None:
    """With its own credential, which the upstream does not see."""
    proxy = Server(HI)
    listening = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    way = Way(f"http://127.0.0.1:{port}", {"Proxy-Authorization": "Basic eA=="})
    assert b"hi" == await ask("http://upstream.example/a", way=way)
    listening.close()
    assert proxy.requests[0].startswith(b"POST http://upstream.example/a HTTP/1.1\r\n")
    assert b"Proxy-Authorization: Basic eA==" in proxy.requests[0]


@pytest.mark.usefixtures("trusts")
async def test_tls_goes_through_a_proxy(certificate: Certificate) -> None:
    """By CONNECT; the certificate is checked behind it."""
    async with tls_server(certificate) as (there, names):
        asked: list[bytes] = []

        async def tunnel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            asked.append(await reader.readuntil(b"\r\n\r\n"))
            up_reader, up_writer = await asyncio.open_connection("127.0.0.1", there)
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            await asyncio.gather(copy(reader, up_writer), copy(up_reader, writer))

        async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while data := await reader.read(65536):
                writer.write(data)
            writer.close()

        listening = await asyncio.start_server(tunnel, "127.0.0.1", 0)
        way = Way(f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}")
        assert b"hi" == await ask(f"https://localhost:{there}/a", way=way)
        listening.close()
        assert asked[0].startswith(b"CONNECT localhost:%d HTTP/1.1\r\n" % there)
        assert ["localhost"] == names


async def test_ids_go_up_and_come_down() -> None:
    """The client's to the service, the service's beside the gateway's own."""
    there = OK + b"x-request-id: theirs\r\napim-request-id: apim\r\nset-cookie: a=b\r\n"

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(there + b"content-length: 2\r\n\r\n{}")

    async with gateway(script) as (application, upstream):
        client = Client(body(stream=False))
        client.sends = [(b"x-request-id", b"mine"), (b"cookie", b"a=b")]
        await client.ask(application)
    sent = upstream.requests[0].lower()
    assert (True, False) == (b"\r\nx-request-id: mine\r\n" in sent, b"cookie" in sent)
    told = {name: value for name, value in client.headers.items() if name.endswith(b"request-id")}
    assert {
        b"x-request-id": b"mine",
        b"x-upstream-request-id": b"theirs",
        b"apim-request-id": b"apim",
    } == told
    assert b"set-cookie" not in client.headers


@pytest.mark.parametrize("heals", [True, False])
async def test_a_refused_token_is_renewed_once(
    heals: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the call asked again; a second refusal is the operator's trouble, not the client's."""
    tokens = [f"token-{at}" for at in range(9)]

    def sign_in(model: Any, surface: Any, given: Any, **_: Any) -> Any:
        return make_auth(credential=lambda: tokens.pop(0), endpoint=surface.url)

    monkeypatch.setattr(targets, "sign_in", sign_in)
    refused = b'{"error":{"code":"401","message":"Access token expired"}}'
    no = b"HTTP/1.1 401 No\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s"

    async def picky(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if heals and b"token-1" in upstream.requests[-1]:
            await whole(reader, writer)
        else:
            writer.write(no % (len(refused), refused))

    async with gateway(picky) as (application, upstream):
        client = await Client(body()).ask(application)
        used = [one.partition(b"Bearer ")[2][:7] for one in upstream.requests]
        assert [b"token-0", b"token-1"] == used
        assert (200 if heals else 502) == client.status
        assert b"token" not in client.text.replace(b"Access token", b"")
