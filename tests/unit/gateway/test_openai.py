"""The OpenAI-compatible door, spoken with by OpenAI's own client."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import openai
import pytest
from aiohttp import web

from bot.images import UNSEEN, Image
from tests.gateway_bot import TOKEN, GatewayBot, gateway_bot
from tests.patience import PATIENCE_SECONDS
from tests.unit.providers.server import ProviderServer, completion, open_provider_server

Client = Callable[..., Any]


def client(bot: GatewayBot, token: str = TOKEN, **headers: str) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(
        base_url=f"{bot.address}/v1", api_key=token, max_retries=0, default_headers=headers, timeout=PATIENCE_SECONDS
    )


@asynccontextmanager
async def thinking_bot(folder: Path, *, vision: bool = False) -> AsyncIterator[tuple[GatewayBot, ProviderServer]]:
    """A bot whose agent `main` asks a model that the test speaks for."""
    async with open_provider_server() as server:
        sees = str(vision).lower()
        model = f"{{model_name: kimi, model: vllm/k, api_base: '{server.base_url}', vision: {sees}}}"
        tools = "tools: {allow: {direct: ['memory_*']}}"
        settings = f"gateway: {{port: 0, rate_per_second: null}}\nmodel_list: [{model}]\n{tools}\n"
        async with gateway_bot(folder, settings) as bot:
            yield bot, server


async def test_models_are_the_agents(bot: GatewayBot) -> None:
    async with client(bot) as api:
        assert [model.id async for model in api.models.list()] == ["javis/parrot", "javis/main"]
        assert (await api.models.retrieve("javis/main")).owned_by == "javis"
        with pytest.raises(openai.NotFoundError):
            await api.models.retrieve("javis/nobody")


@pytest.mark.parametrize("model", ["javis/parrot", "openclaw:parrot", "openclaw/parrot", "agent:parrot", "javis"])
async def test_agent_is_named_by_the_model(bot: GatewayBot, model: str) -> None:
    async with client(bot) as api:
        answer = await api.chat.completions.create(model=model, messages=[{"role": "user", "content": "hello"}])
    assert answer.choices[0].message.content == "hello"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.model == "javis/parrot"


async def test_header_names_the_agent_before_the_model(bot: GatewayBot) -> None:
    async with client(bot, **{"x-openclaw-agent-id": "parrot"}) as api:
        answer = await api.chat.completions.create(model="javis/main", messages=[{"role": "user", "content": "hi"}])
    assert answer.model == "javis/parrot"


async def test_whole_conversation_reaches_the_model(tmp_path: Path) -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    messages: list[Any] = [
        {"role": "system", "content": "Answer in French."},
        *[{"role": role, "content": f"{role} {n}"} for n in range(60) for role in ("user", "assistant")],
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": "r"},
        {"role": "user", "content": [{"type": "text", "text": "and "}, {"type": "text", "text": "now?"}]},
    ]
    async with thinking_bot(tmp_path) as (bot, server), client(bot) as api:
        usage = {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9}
        server.reply(completion("oui", usage=usage))
        answer = await api.chat.completions.create(
            model="javis/main", messages=messages, temperature=0.5, max_tokens=99
        )
    assert answer.choices[0].message.content == "oui"
    assert answer.usage is not None
    assert answer.usage.total_tokens == 9
    asked = server.received[0].json
    assert "Answer in French." in asked["messages"][0]["content"]
    assert [(each["role"], each["content"]) for each in asked["messages"][1:-3]] == [
        (each["role"], each["content"]) for each in messages[1:-3]
    ]
    assert [each["role"] for each in asked["messages"][-3:]] == ["assistant", "tool", "user"]
    assert asked["messages"][-1]["content"] == "and now?"
    assert (asked["temperature"], asked["max_tokens"]) == (0.5, 99)


GIF = "data:image/gif;base64,R0lGODlhAQABAAAAACw="


def with_image(text: str, url: str) -> Any:
    return {
        "role": "user",
        "content": [{"type": "text", "text": text}, {"type": "image_url", "image_url": {"url": url}}],
    }


async def test_images_of_the_whole_conversation_reach_a_model_that_sees(tmp_path: Path) -> None:
    async with thinking_bot(tmp_path, vision=True) as (bot, server), client(bot) as api:
        server.reply(completion("red"))
        earlier: Any = {"role": "assistant", "content": "a dot"}
        messages = [with_image("what?", GIF), earlier, with_image("and this?", GIF)]
        await api.chat.completions.create(model="javis/main", messages=messages)
    assert server.received[0].json["messages"][1:] == messages


async def test_a_model_that_does_not_see_is_told_of_a_clients_image(tmp_path: Path) -> None:
    async with thinking_bot(tmp_path) as (bot, server), client(bot) as api:
        server.reply(completion("I cannot see it"))
        await api.chat.completions.create(model="javis/main", messages=[with_image("what?", GIF)])
    assert server.received[0].json["messages"][-1]["content"] == f"what?\n{UNSEEN}"


async def test_a_conversation_with_a_large_image_is_taken(tmp_path: Path) -> None:
    url = Image("image/jpeg", b"\xff\xd8\xff" + bytes(3_000_000)).data_url
    async with thinking_bot(tmp_path, vision=True) as (bot, server), client(bot) as api:
        server.reply(completion("large"))
        await api.chat.completions.create(model="javis/main", messages=[with_image("what?", url)])
    assert server.received[0].json["messages"][-1]["content"][1]["image_url"]["url"] == url


def sse(*chunks: dict[str, Any]) -> Callable[[web.Request], Any]:
    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for chunk in chunks:
            await response.write(f"data: {json.dumps(chunk)}\n\n".encode())
        await response.write(b"data: [DONE]\n\n")
        return response

    return handler


def delta(finish: str | None = None, **fields: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": fields, "finish_reason": finish}]}


async def streamed(api: openai.AsyncOpenAI, model: str) -> tuple[list[str], int]:
    pieces, tokens = [], 0
    stream = await api.chat.completions.create(
        model=model,
        messages=[{"role": "user", "content": "hi"}],
        stream=True,
        stream_options={"include_usage": True},
    )
    async for chunk in stream:
        pieces += [choice.delta.content or "" for choice in chunk.choices]
        tokens = chunk.usage.total_tokens if chunk.usage else tokens
    return [piece for piece in pieces if piece], tokens


async def test_answer_is_streamed_as_it_comes(tmp_path: Path) -> None:
    usage = {"choices": [], "usage": {"prompt_tokens": 4, "completion_tokens": 3, "total_tokens": 7}}
    async with thinking_bot(tmp_path) as (bot, server), client(bot) as api:
        server.handle(sse(delta(content="Hel"), delta(content="lo"), delta("stop"), usage))
        assert await streamed(api, "javis/main") == (["Hel", "lo"], 7)


async def test_agent_that_does_not_stream_is_heard_whole(bot: GatewayBot) -> None:
    async with client(bot) as api:
        assert await streamed(api, "javis/parrot") == (["hi"], 0)


async def test_tools_of_the_agent_are_used_and_noted(tmp_path: Path) -> None:
    call = {"index": 0, "id": "c", "function": {"name": "memory_note", "arguments": '{"text": "likes tea"}'}}
    async with thinking_bot(tmp_path) as (bot, server), client(bot) as api:
        server.handle(sse(delta(content="wait"), delta("tool_calls", tool_calls=[call])))
        server.handle(sse(delta(content="noted"), delta("stop")))
        pieces, _ = await streamed(api, "javis/main")
        assert pieces == ["wait", "noted"]
        recall = {"index": 0, "id": "d", "function": {"name": "memory_recall", "arguments": '{"query": "tea"}'}}
        server.handle(sse(delta("tool_calls", tool_calls=[recall])))
        server.handle(sse(delta(content="tea"), delta("stop")))
        await streamed(api, "javis/main")
    offered = {tool["function"]["name"] for tool in server.received[0].json["tools"]}
    assert offered == {"memory_note", "memory_recall", "memory_forget"}
    assert "likes tea" in server.received[3].json["messages"][-1]["content"]


@pytest.mark.parametrize(
    ("status", "error"),
    [(429, openai.RateLimitError), (503, openai.InternalServerError), (401, openai.InternalServerError)],
)
async def test_failure_of_the_model_is_told_without_its_words(
    tmp_path: Path, status: int, error: type[openai.APIStatusError]
) -> None:
    async with thinking_bot(tmp_path) as (bot, server), client(bot) as api:
        server.reply({"error": {"message": "key sk-secret"}}, status)
        with pytest.raises(error) as caught:
            await api.chat.completions.create(model="javis/main", messages=[{"role": "user", "content": "hi"}])
    assert "sk-secret" not in str(caught.value)


async def test_failure_amid_a_stream_is_an_error_event(tmp_path: Path) -> None:
    async with thinking_bot(tmp_path) as (bot, server), client(bot) as api:
        server.reply({"error": {"message": "no"}}, 400)
        with pytest.raises(openai.APIError):
            await streamed(api, "javis/main")


@pytest.mark.parametrize("token", ["wrong-token-0123456789012345", "x"])
async def test_nobody_speaks_without_a_good_token(bot: GatewayBot, token: str) -> None:
    async with client(bot, token) as api:
        with pytest.raises(openai.AuthenticationError):
            await api.chat.completions.create(model="javis/parrot", messages=[{"role": "user", "content": "hi"}])
        with pytest.raises(openai.AuthenticationError):
            await api.models.list()
        with pytest.raises(openai.AuthenticationError):
            await api.models.retrieve("javis/parrot")


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"model": "gpt-5"}, 404),
        ({"model": "javis/nobody"}, 404),
        ({"messages": []}, 400),
        ({"messages": [{"role": "assistant", "content": "hi"}]}, 400),
        ({"messages": [{"role": "wizard", "content": "hi"}]}, 400),
        ({"messages": "hi"}, 400),
        ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://x"}}]}]}, 400),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, 400),
        ({"messages": [with_image("", "data:image/png;base64,R0lGODlh+")]}, 400),
        ({"messages": [with_image("", "data:image/png;base64,PHN2Zy8+")]}, 400),
        ({"messages": [{**with_image("", GIF), "role": "system"}, {"role": "user", "content": "hi"}]}, 400),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, 400),
        ({"n": 2}, 400),
        ({"temperature": 3}, 400),
        ({"max_tokens": 0}, 400),
    ],
)
async def test_what_cannot_be_answered_is_refused_in_openais_form(
    bot: GatewayBot, changes: dict[str, Any], status: int
) -> None:
    body = {"model": "javis/parrot", "messages": [{"role": "user", "content": "hi"}], **changes}
    response = await bot.send("/v1/chat/completions", json.dumps(body).encode())
    assert response.status_code == status
    assert response.json()["error"]["message"]


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b"[" * 100_000, b'{"model": 1e999}'])
async def test_nonsense_is_refused_and_the_bot_lives(bot: GatewayBot, body: bytes) -> None:
    assert (await bot.send("/v1/chat/completions", body)).status_code == 400
    assert (await bot.get("/health")).status_code == 200


async def test_body_beyond_the_limit_is_refused(tmp_path: Path) -> None:
    async with gateway_bot(tmp_path, "gateway: {port: 0, openai_body_bytes: 2000}") as bot:
        assert (await bot.send("/v1/chat/completions", b"x" * 2_001)).status_code == 413
        assert (await bot.send("/rpc", b"x" * 2_001)).status_code == 200


async def test_client_that_leaves_ends_the_call_to_the_model(tmp_path: Path) -> None:
    left = asyncio.Event()

    async def never(_request: web.Request) -> web.Response:
        try:
            await asyncio.Event().wait()
        finally:
            left.set()
        raise AssertionError

    async with thinking_bot(tmp_path) as (bot, server), client(bot) as api:
        server.handle(never)
        asking = asyncio.create_task(
            api.chat.completions.create(model="javis/main", messages=[{"role": "user", "content": "hi"}])
        )
        await server.arrived.wait()
        asking.cancel()
        async with asyncio.timeout(PATIENCE_SECONDS):
            await left.wait()
