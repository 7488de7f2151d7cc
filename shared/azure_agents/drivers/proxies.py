"""The proxy between here and an endpoint, as the environment names it, for both clients.

httpx reads the environment for its own transport only, so the one of async calls would go past the
proxy. What counts is what `urllib` reads: ``HTTPS_PROXY``, ``HTTP_PROXY``, ``ALL_PROXY`` and
``NO_PROXY`` in either case, and the settings of macOS and Windows. A request to this machine goes
through no proxy: plain http is allowed there, and a proxy is another machine.
"""

from __future__ import annotations

from base64 import b64encode
from contextlib import suppress
from importlib.util import find_spec
from urllib.request import getproxies, proxy_bypass

import httpx

from ..errors import ConfigError
from ..settings.endpoint import Endpoint
from ..settings.environment import Environment

_VARIABLES = "HTTPS_PROXY, HTTP_PROXY or ALL_PROXY"


def proxy_to(endpoint: Endpoint) -> httpx.Proxy | None:
    """Return the proxy on the way to an endpoint, if any.

    Raises:
        ConfigError: The environment names one that cannot be used.
    """
    if endpoint.is_loopback or proxy_bypass(endpoint.origin.partition("://")[2]):
        return None
    proxies = Environment(getproxies())  # which may hold passwords
    for scheme in (endpoint.url.partition(":")[0], "all"):
        if scheme in proxies:
            return _proxy(proxies, scheme)
    return None


def is_socks(proxy: httpx.Proxy) -> bool:
    """Whether it speaks SOCKS, and not HTTP."""
    return proxy.url.scheme.startswith("socks")


def with_header(proxy: httpx.Proxy) -> httpx.Proxy:
    """Return the same proxy, its user and password as the header that they become.

    httpx-aiohttp hands them to aiohttp in a way that aiohttp warns of.
    """
    if proxy.auth is None:
        return proxy
    user = b64encode(":".join(proxy.auth).encode()).decode()
    return httpx.Proxy(proxy.url, headers={"Proxy-Authorization": f"Basic {user}"})


def _proxy(proxies: Environment, scheme: str) -> httpx.Proxy:
    proxy = None
    # The error is raised outside: as the context of another it would show what it tripped over.
    with suppress(ValueError, httpx.InvalidURL):
        proxy = httpx.Proxy(_url(proxies[scheme]))
    if proxy is None:
        raise ConfigError(
            f"the environment ({_VARIABLES}) names a proxy that cannot be used: write for instance "
            "http://proxy.example:3128, or name the endpoint's host in NO_PROXY"
        )
    if is_socks(proxy) and find_spec("socksio") is None:
        raise ConfigError(
            f"the environment ({_VARIABLES}) names a SOCKS proxy, which needs a package more: "
            'pip install "httpx[socks]"'
        )
    return proxy


def _url(text: str) -> str:
    return text if "://" in text else f"http://{text}"
