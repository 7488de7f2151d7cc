"""Spans and metrics arrive at a collector, by OTLP, without a provider of the program's."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from azure_agents.tracing import conventions as names
from azure_agents.tracing.telemetry import Telemetry

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, bytes]]:
    """A collector on loopback, which the environment names: what came, by path."""
    came: dict[str, bytes] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            came[self.path] = self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", address)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
    yield came
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("named", [False, True])
def test_what_was_made_is_sent_at_the_end(
    collector: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, named: bool
) -> None:
    """With the name of the service: the environment's, else ours."""
    if named:
        monkeypatch.setenv("OTEL_SERVICE_NAME", "of-the-environment")
    telemetry = Telemetry("of-the-program")
    span = telemetry.begin("chat gpt", {names.OPERATION_NAME: "chat"})
    span.end()
    telemetry.measure(0.5, None, {names.OPERATION_NAME: "chat"})
    telemetry.close()
    assert {"/v1/traces", "/v1/metrics"} == collector.keys()
    service = b"of-the-environment" if named else b"of-the-program"
    assert [True, True] == [service in body for body in collector.values()]
    assert b"chat gpt" in collector["/v1/traces"]
    assert names.OPERATION_DURATION.encode() in collector["/v1/metrics"]


def test_a_sampler_of_the_environment_is_heard(
    collector: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What nobody will see needs no attributes."""
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    telemetry = Telemetry("any")
    span = telemetry.begin("chat gpt", {})
    span.end()
    telemetry.close()
    assert not span.is_kept
    assert "/v1/traces" not in collector
