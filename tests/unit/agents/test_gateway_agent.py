"""Turns handed to another gateway: one of OpenClaw's form, and another Javis."""

from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from bot.agents.gateway import GatewayAgent
from bot.agents.port import AgentContext, AgentFailed, AgentFault, Turn
from bot.providers.models import Models
from channels.clock import ManualClock
from tests.gateway_bot import TOKEN, gateway_bot
from tests.unit.agents.setting import Defaults, Entry, History, Order, assistant, turn, user
from tests.unit.providers.server import ProviderServer, completion
from tests.unit.providers.setting import ListedEntry


def agent(http: httpx.AsyncClient, *entries: ListedEntry, model: str | Order | None = "claw") -> GatewayAgent:
    clock = ManualClock()
    models = Models(entries, lambda _proxy: http, clock)
    return GatewayAgent(AgentContext(Entry(kind="gateway", model=model), Defaults(), models, clock))


async def test_turn_goes_along_with_its_history_token_and_agent(
    server: ProviderServer, http: httpx.AsyncClient
) -> None:
    usage = {"prompt_tokens": 5, "completion_tokens": 1, "total_tokens": 6}
    server.reply(completion("from there", model="openclaw/ops", usage=usage))
    remote = agent(http, ListedEntry("claw", "openclaw/ops", SecretStr("t0ken"), server.base_url))
    answer = await remote.answer(turn("now?", History(user("before"), assistant("yes"))))
    assert (answer.text, answer.tokens) == ("from there", 6)
    (request,) = server.received
    assert request.path == "/v1/chat/completions"
    assert request.headers["Authorization"] == "Bearer t0ken"
    assert request.headers["x-openclaw-agent-id"] == "ops"
    assert request.json == {
        "model": "openclaw/ops",
        "messages": [
            {"role": "user", "content": "before"},
            {"role": "assistant", "content": "yes"},
            {"role": "user", "content": "now?"},
        ],
    }


async def test_words_of_several_people_are_fenced_and_explained(
    server: ProviderServer, http: httpx.AsyncClient
) -> None:
    server.reply(completion("ok"))
    remote = agent(http, ListedEntry("claw", "openclaw/main", None, server.base_url))
    await remote.answer(turn("hi", History(), is_direct=False))
    system, said = server.received[0].json["messages"]
    assert system["role"] == "system"
    assert said["content"] == '<message from="Ann">\nhi\n</message>'


async def test_second_gateway_answers_where_the_first_does_not(server: ProviderServer, http: httpx.AsyncClient) -> None:
    server.reply({}, status=503)
    server.reply(completion("second"))
    entries = [ListedEntry(name, f"openclaw/{name}", None, server.base_url) for name in ("one", "two")]
    answer = await agent(http, *entries, model=Order("one", ["two"])).answer(turn("hi", History()))
    assert answer.text == "second"


async def test_each_gateway_is_told_its_own_agent(server: ProviderServer, http: httpx.AsyncClient) -> None:
    server.reply({}, status=503)
    server.reply(completion("second"))
    entries = [ListedEntry(name, f"openclaw/{name}", None, server.base_url) for name in ("one", "two")]
    answer = await agent(http, *entries, model=Order("gone", ["one", "two"])).answer(turn("hi", History()))
    assert answer.text == "second"
    assert [request.headers["x-openclaw-agent-id"] for request in server.received] == ["one", "two"]


async def test_name_that_no_header_can_carry_goes_as_the_model_alone(
    server: ProviderServer, http: httpx.AsyncClient
) -> None:
    server.reply(completion("ok"))
    await agent(http, ListedEntry("claw", "openclaw/主", None, server.base_url)).answer(turn("hi", History()))
    assert server.received[0].json["model"] == "openclaw/主"
    assert "x-openclaw-agent-id" not in server.received[0].headers


async def test_refused_token_is_the_owners_to_mend(server: ProviderServer, http: httpx.AsyncClient) -> None:
    server.reply({"error": {"message": "no"}}, status=401)
    remote = agent(http, ListedEntry("claw", "openclaw/main", SecretStr("bad"), server.base_url))
    with pytest.raises(AgentFailed) as caught:
        await remote.answer(turn("hi", History()))
    assert caught.value.reason == "model_misconfigured"
    assert len(caught.value.attempts) == 1


async def test_gateway_that_is_not_listed_is_told(http: httpx.AsyncClient) -> None:
    with pytest.raises(AgentFault, match="model_list"):
        agent(http, model=None)
    with pytest.raises(AgentFailed, match="model_misconfigured"):
        await agent(http).answer(turn("hi", History()))


async def test_another_javis_answers(tmp_path: Path, http: httpx.AsyncClient) -> None:
    async with gateway_bot(tmp_path) as other:
        entry = ListedEntry("claw", "openclaw/parrot", SecretStr(TOKEN), f"{other.address}/v1")
        heard: list[str] = []
        asked: Turn = turn("hello there", History()).heard_by(heard.append)
        answer = await agent(http, entry).answer(asked)
    assert answer.text == "hello there"
    assert "".join(heard) == "hello there"
    assert answer.model == "javis/parrot"
