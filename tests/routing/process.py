"""One of several processes that share a Redis: asks a model some times, and prints what came of it.

Each has a resource of its own at the same address, so the deployments are the same ones to Redis.
"""

from __future__ import annotations

import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from azure_agents.emulator import Emulator
from azure_agents.errors import RateLimitError
from azure_agents.routing.router import Router

HELLO = [{"role": "user", "content": "Hello"}]


def main(redis: str, times: int) -> None:
    """Ask in parallel."""
    with Emulator() as emulator:
        for name in ("one", "two"):
            emulator.deploy(name, "hi")
        given = {**emulator.deployment_connection(), "rpm": 2}
        del given["clock"]  # real time: the processes share no other
        params = [{"model": f"azure/{name}", **given} for name in ("one", "two")]
        router = Router(
            [{"model_name": "gpt", "litellm_params": one} for one in params], redis_url=redis
        )
        say("ready")
        sys.stdin.readline()
        with ThreadPoolExecutor(times) as pool:
            came = Counter(pool.map(lambda _: outcome(router), range(times)))
        say(f"{came['answered']} {came['limited']}")


def say(line: str) -> None:
    """Tell the test."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def outcome(router: Any) -> str:
    """What became of one call."""
    try:
        router.completion("gpt", HELLO)
    except RateLimitError:
        return "limited"
    return "answered"


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
