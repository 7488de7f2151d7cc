"""Window 14: a token that ends while a turn goes on.

Renewal before the end, once for all threads and loops, is tried in `tests/core/test_auth*.py`.
"""

from __future__ import annotations

from base64 import b64encode
from typing import Any

from azure_agents.client.agent_client import AgentClient, AsyncAgentClient
from azure_agents.client.base import make_client
from azure_agents.errors import AuthenticationError
from azure_agents.messages import user
from azure_agents.sign_in.auth import make_auth

from .window_talk import TURN, Talk, answer
from .windows import Way, window


def revoking(talk: Talk) -> Any:
    """An agent during whose answer all tokens end."""

    def replies(turn: Any) -> Any:
        talk.foundry.revoke_tokens()
        talk.agent.script(answer)
        return answer(turn)

    return replies


@window(14, nth=(1, 2))
def test_a_token_that_ended_is_replaced_and_the_request_sent_again(way: Way, nth: int) -> None:
    """Nothing was applied: the same request goes out with the new token, at once."""
    talk = Talk(way)
    asked = len(talk.foundry.token_scopes)
    talk.hit("status_before", status=401, nth=nth)
    began = talk.foundry.clock.time()
    talk.say_next()
    was_hit = any(request.status == 401 for request in talk.foundry.requests)
    assert len(talk.foundry.token_scopes) - asked == (1 if was_hit else 0)
    if was_hit:
        assert talk.made[nth - 1] == talk.made[nth]
    assert talk.foundry.clock.time() - began < 2.0
    talk.go_on()


@window(14)
def test_an_open_stream_outlives_its_token(way: Way) -> None:
    """It was checked at the start: nothing is asked again, and the next turn has a new token."""
    talk = Talk(way)
    talk.agent.script(revoking(talk))
    talk.say_next()
    if way.is_streamed and way.kind != "background":
        assert 1 == len(talk.made)
    talk.go_on()


@window(14, cut=("cut", "stall"), after=(4, 6))
def test_recovery_get_refreshes_an_expired_token(way: Way, cut: Any, after: int) -> None:
    """Polls, look-ups and resumed streams ask for the token anew."""
    talk = Talk(way)
    talk.agent.script(revoking(talk))
    talk.hit(cut, method="POST", path=TURN, after_events=after)
    asked = len(talk.foundry.token_scopes)
    talk.say_next()
    renewed = len(talk.foundry.token_scopes) - asked
    assert renewed == 1 or (renewed == 0 and way.kind == "background")  # it ended during a poll
    talk.go_on()


@window(14)
def test_a_token_that_is_never_accepted_is_an_error_after_one_renewal(way: Way) -> None:
    """No loop: two requests, and the caller learns what a token must be like."""
    talk = Talk(way)
    talk.hit("status_before", status=401, times=None)
    error = talk.fail_next(AuthenticationError)
    assert (401, 2) == (error.status, len(talk.made))
    talk.foundry.faults.clear()
    talk.say_next()


@window(14)
def test_an_expired_fixed_token_raises_at_once(way: Way) -> None:
    """There is no newer one to ask for."""
    talk = Talk(way)
    fixed = talk.foundry.credential.get_token("https://ai.azure.com/.default").token
    auth = make_auth(credential=fixed, endpoint=talk.sync.settings.endpoint, env={})
    seams: Any = {"store": talk.store, "clock": talk.foundry.clock}
    foundry = talk.foundry
    talk.sync = make_client(
        AgentClient, talk.sync.settings, auth, transport=foundry.transport, **seams
    )
    talk.aio = make_client(
        AsyncAgentClient, talk.sync.settings, auth, transport=foundry.async_transport, **seams
    )
    foundry.revoke_tokens()
    talk.fail_next(AuthenticationError)
    assert 1 == len(talk.made)
    talk.connect()
    talk.say_next()
    talk.say(user("and now?"))


CLAIMS = '{"access_token":{"nbf":{"essential":true,"value":"1790000000"}}}'


@window(14)
def test_a_claims_challenge_is_answered_with_a_token_that_has_them(way: Way) -> None:
    """A cached token would be refused again: the credential is asked for one with the claims."""
    talk = Talk(way)
    asked: list[dict[str, Any]] = []
    give = talk.foundry.credential.get_token

    class Watched:
        def get_token(self, *scopes: str, **options: Any) -> Any:
            asked.append(options)
            return give(*scopes)

    talk.foundry.credential = Watched()  # type: ignore[assignment]
    talk.connect()
    encoded = b64encode(CLAIMS.encode()).decode()
    challenge = f'Bearer realm="", error="insufficient_claims", claims="{encoded}"'
    talk.hit("status_before", status=401, headers={"www-authenticate": challenge})
    talk.say_next()
    assert [{}, {"claims": CLAIMS, "enable_cae": True}] == asked
