"""A turn with real calls to a provider on a socket."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from aiohttp import web
from pydantic import SecretStr

from bot.agents.llm import LlmAgent
from bot.agents.port import AgentContext, AgentFailed
from bot.providers.errors import MalformedRequest, ProviderTimeout
from bot.providers.models import CALL_SECONDS, Models, UnknownModel
from bot.providers.port import Usage
from bot.providers.way import MissingKey
from channels.clock import ManualClock
from tests.unit.agents.setting import Defaults, Entry, History, Order, assistant, turn, user
from tests.unit.providers.server import ProviderServer, completion
from tests.unit.providers.setting import ListedEntry

Build = Callable[[Entry, Defaults], LlmAgent]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def build(server: ProviderServer, http: httpx.AsyncClient, clock: ManualClock) -> Build:
    listed = [
        ListedEntry("kimi", "moonshot/k-1", SecretStr("one"), server.base_url),
        ListedEntry("kimi", "moonshot/k-2", SecretStr("two"), server.base_url),
        ListedEntry("spare", "vllm/s", None, server.base_url),
        ListedEntry("keyless", "moonshot/x"),
    ]
    models = Models(listed, lambda _proxy: http, clock)
    return lambda entry, defaults: LlmAgent(AgentContext(entry, defaults, models, clock))


def asked(server: ProviderServer) -> list[str]:
    return [request.json["model"] for request in server.received]


async def test_turn_asks_once_and_answers_with_text_model_and_usage(server: ProviderServer, build: Build) -> None:
    server.reply(completion("hello", model="k-1", usage={"prompt_tokens": 3, "completion_tokens": 2}))
    history = History(user("before"), assistant("yes"))
    answer = await build(Entry(model="kimi"), Defaults(history_limit=7)).answer(turn("hi", history))
    assert (answer.text, answer.model, answer.usage) == ("hello", "k-1", Usage(3, 2, 5, 0))
    assert answer.tokens == 5
    assert history.asked == [7]
    (request,) = server.received
    assert [message["content"] for message in request.json["messages"][1:]] == ["before", "yes", "hi"]
    assert set(request.json) == {"model", "messages"}


async def test_workspace_speaks_in_the_system_prompt(server: ProviderServer, build: Build, tmp_path: Path) -> None:
    (tmp_path / "SOUL.md").write_text("Speak in riddles.")
    server.reply(completion())
    agent = build(Entry(model="spare", name="Sphinx", workspace=tmp_path), Defaults())
    await agent.answer(turn("hi", History()))
    system = server.received[0].json["messages"][0]
    assert system["role"] == "system"
    assert system["content"].startswith("You are Sphinx.\n\nSpeak in riddles.")


async def test_entry_overrides_the_defaults_even_with_zero(server: ProviderServer, build: Build) -> None:
    server.reply(completion())
    entry = Entry(model="spare", temperature=0.0)
    await build(entry, Defaults(model="kimi", temperature=0.7, max_tokens=9)).answer(turn("hi", History()))
    request = server.received[0].json
    assert (request["model"], request["temperature"], request["max_tokens"]) == ("s", 0.0, 9)


async def test_agent_without_model_asks_the_first_of_the_list(server: ProviderServer, build: Build) -> None:
    server.reply(completion())
    await build(Entry(), Defaults()).answer(turn("hi", History()))
    assert asked(server) == ["k-1"]


@pytest.mark.parametrize("status", [429, 500, 503, 401, 403, 402, 200])
async def test_failure_goes_to_the_next_key_and_then_the_next_model(
    server: ProviderServer, build: Build, status: int
) -> None:
    server.reply({}, status=status)
    server.reply({}, status=status)
    server.reply(completion("from the spare"))
    agent = build(Entry(model=Order("kimi", ["keyless", "gone", "spare"])), Defaults())
    assert (await agent.answer(turn("hi", History()))).text == "from the spare"
    assert asked(server) == ["k-1", "k-2", "s"]


async def test_listener_is_told_when_another_model_begins_anew(server: ProviderServer, build: Build) -> None:
    async def break_off(_request: web.Request) -> web.Response:
        half = b'data: {"choices": [{"delta": {"content": "Half a"}}]}\n\n'
        return web.Response(body=half, content_type="text/event-stream")

    server.handle(break_off)
    server.reply(completion("from the second key"))
    heard: list[str] = []
    asked_turn = replace(turn("hi", History()), on_delta=heard.append, on_begin=lambda: heard.append("begin"))
    answer = await build(Entry(model="kimi"), Defaults()).answer(asked_turn)
    assert answer.text == "from the second key"
    assert heard == ["begin", "Half a", "begin", "from the second key"]


async def test_malformed_request_goes_nowhere_else(server: ProviderServer, build: Build) -> None:
    server.reply({"error": {"message": "temperature"}}, status=400)
    with pytest.raises(AgentFailed) as caught:
        await build(Entry(model=Order("kimi", ["spare"])), Defaults()).answer(turn("hi", History()))
    assert caught.value.reason == "model_misconfigured"
    assert isinstance(caught.value.__cause__, MalformedRequest)
    assert asked(server) == ["k-1"]


@pytest.mark.parametrize(
    ("status", "kind", "reason"),
    [
        (429, "rate_limit_reached_error", "model_busy"),
        (429, "exceeded_current_quota_error", "model_misconfigured"),
        (400, "content_filter", "model_refused"),
        (401, "", "model_misconfigured"),
        (502, "", "model_unreachable"),
        (200, "", "model_unreachable"),
    ],
)
async def test_failure_has_a_reason_for_the_asker(
    server: ProviderServer, build: Build, status: int, kind: str, reason: str
) -> None:
    server.reply({"error": {"type": kind}}, status=status)
    with pytest.raises(AgentFailed) as caught:
        await build(Entry(model="spare"), Defaults()).answer(turn("hi", History()))
    assert caught.value.reason == reason


@pytest.mark.parametrize(("model", "cause"), [("keyless", MissingKey), ("spar", UnknownModel)])
async def test_model_that_is_set_up_wrongly_says_so(
    server: ProviderServer, build: Build, model: str, cause: type[Exception]
) -> None:
    with pytest.raises(AgentFailed) as caught:
        await build(Entry(model=model), Defaults()).answer(turn("hi", History()))
    assert caught.value.reason == "model_misconfigured"
    assert isinstance(caught.value.__cause__, cause)
    assert not server.received


async def test_no_model_at_all_is_misconfigured(http: httpx.AsyncClient, clock: ManualClock) -> None:
    agent = LlmAgent(AgentContext(Entry(), Defaults(), Models([], lambda _proxy: http, clock), clock))
    with pytest.raises(AgentFailed, match="model_misconfigured"):
        await agent.answer(turn("hi", History()))


async def never(_request: web.Request) -> web.Response:
    await asyncio.Event().wait()
    raise AssertionError


async def test_silent_model_is_left_for_the_next_one(server: ProviderServer, build: Build, clock: ManualClock) -> None:
    server.handle(never)
    server.reply(completion("late"))
    agent = build(Entry(model=Order("spare", ["kimi"])), Defaults())
    answering = asyncio.create_task(agent.answer(turn("hi", History())))
    await server.arrived.wait()
    await clock.advance(CALL_SECONDS)
    assert (await answering).text == "late"


async def test_silence_of_all_models_is_unreachable(server: ProviderServer, build: Build, clock: ManualClock) -> None:
    server.handle(never)
    answering = asyncio.create_task(build(Entry(model="spare"), Defaults()).answer(turn("hi", History())))
    await server.arrived.wait()
    await clock.advance(CALL_SECONDS)
    with pytest.raises(AgentFailed) as caught:
        await answering
    assert caught.value.reason == "model_unreachable"
    assert isinstance(caught.value.__cause__, ProviderTimeout)


async def test_cancelled_turn_ends_at_once_and_asks_nobody_else(server: ProviderServer, build: Build) -> None:
    server.handle(never)
    agent = build(Entry(model=Order("spare", ["kimi"])), Defaults())
    answering = asyncio.create_task(agent.answer(turn("hi", History())))
    await server.arrived.wait()
    answering.cancel()
    with pytest.raises(asyncio.CancelledError):
        await answering
    assert asked(server) == ["s"]


async def test_failures_are_logged_without_the_key(
    server: ProviderServer, build: Build, caplog: pytest.LogCaptureFixture
) -> None:
    server.reply({"error": {"message": "bad key: two"}}, status=401)
    server.reply({"error": {"message": "bad key: two"}}, status=401)
    agent = build(Entry(model="kimi"), Defaults())
    with pytest.raises(AgentFailed):
        await agent.answer(turn("hi", History()))
    ours = [record for record in caplog.records if record.name == "bot.providers.failover"]
    assert [record.__dict__["detail"] for record in ours] == ["HTTP 401: bad key: two", "HTTP 401: bad key: ***"]
