"""The roads of turns that OpenAI clients ask for."""

import asyncio
from pathlib import Path
from typing import Any

import openai
import pytest
from aiohttp import web

from tests.gateway_bot import CallFailed, GatewayBot
from tests.patience import PATIENCE_SECONDS
from tests.unit.gateway.test_openai import client, streamed, thinking_bot
from tests.unit.providers.server import completion

HI: Any = [{"role": "user", "content": "hi"}]


async def newest(bot: GatewayBot) -> dict[str, Any]:
    """The road that ended last, once there is one."""
    async with bot.client() as caller, asyncio.timeout(PATIENCE_SECONDS):
        while not (roads := (await caller.call("trace.list", limit=1))["roads"]):
            pass
    road: dict[str, Any] = roads[0]
    return road


def codes(road: dict[str, Any]) -> list[tuple[str, str]]:
    return [(step["step"], step["code"]) for step in road["steps"]]


async def test_an_answer_is_found_by_the_id_of_its_completion(tmp_path: Path) -> None:
    async with thinking_bot(tmp_path) as (bot, server), client(bot) as api, bot.client() as caller:
        server.reply(completion("hello"))
        answer = await api.chat.completions.create(model="javis/main", messages=HI)
        (road,) = (await caller.call("trace.get", message=answer.id))["roads"]
        assert codes(road) == [
            ("gate", "admitted"),
            ("binding", "agent_asked_for"),
            ("session", "in_session"),
            ("turn", "turn_begun"),
            ("model", "model_answered"),
            ("turn", "answered"),
        ]
        assert (road["state"], road["reason"], road["agent"]) == ("done", None, "main")
        assert road["id"] == f"openai/{road['account']}/{answer.id}"
        assert "hi" not in str(road["steps"])
        assert (await caller.call("trace.get", message=road["id"]))["roads"] == [road]


async def test_a_streamed_answer_of_the_default_agent_has_a_road(bot: GatewayBot) -> None:
    async with client(bot) as api:
        await streamed(api, "javis")
    road = await newest(bot)
    assert ("binding", "default_agent") in codes(road)
    assert codes(road)[-1] == ("turn", "answered")


async def test_a_failure_of_the_model_is_the_reason(tmp_path: Path) -> None:
    async with thinking_bot(tmp_path) as (bot, server), client(bot) as api:
        server.reply({"error": {"message": "no"}}, 400)
        with pytest.raises(openai.InternalServerError):
            await api.chat.completions.create(model="javis/main", messages=HI)
        road = await newest(bot)
    assert codes(road)[-2:] == [("model", "model_failed"), ("turn", "model_misconfigured")]
    assert road["reason"] == "model_misconfigured"


async def test_a_client_that_leaves_is_the_reason(tmp_path: Path) -> None:
    async def never(_request: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    async with thinking_bot(tmp_path) as (bot, server), client(bot) as api:
        server.handle(never)
        asking = asyncio.create_task(api.chat.completions.create(model="javis/main", messages=HI))
        await server.arrived.wait()
        asking.cancel()
        assert (await newest(bot))["reason"] == "client_left"


async def test_what_is_refused_before_an_agent_thinks_leaves_no_road(bot: GatewayBot) -> None:
    async with client(bot) as api, bot.client() as caller:
        with pytest.raises(openai.NotFoundError):
            await api.chat.completions.create(model="javis/nobody", messages=HI)
        assert (await caller.call("trace.list", limit=1))["roads"] == []
        with pytest.raises(CallFailed):
            await caller.call("trace.get", message="chatcmpl-0")
