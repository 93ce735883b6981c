"""Answers that come in pieces, over a real socket and cut anywhere."""

import json
from itertools import pairwise
from typing import Any

import httpx
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from bot.providers.errors import (
    AuthRefused,
    BadAnswer,
    MalformedRequest,
    ProviderError,
    ProviderUnavailable,
    RateLimited,
)
from bot.providers.openai_compatible import Endpoint, OpenAICompatible
from bot.providers.port import ChatMessage, CompletionRequest, ToolCall, Usage
from bot.providers.stream import LINE_BYTES, MOST_TOOL_CALLS, StreamedAnswer
from channels.clock import ManualClock
from tests.unit.providers.server import ProviderServer, completion


def event(**fields: Any) -> bytes:
    return b"data: " + json.dumps(fields, ensure_ascii=False).encode() + b"\n\n"


def delta(finish_reason: str | None = None, **fields: Any) -> bytes:
    return event(choices=[{"index": 0, "delta": fields, "finish_reason": finish_reason}], model="m-1-0905")


DONE = b"data: [DONE]\n\n"
STORY = b"".join(
    [
        b": keep-alive\r\n\r\n",
        delta(role="assistant", content=""),
        delta(reasoning_content="let "),
        delta(reasoning_content="me see"),
        delta(content="你好，"),
        delta(content="world 🌍"),
        delta(tool_calls=[{"index": 0, "id": "a", "function": {"name": "clock", "arguments": ""}}]),
        delta(tool_calls=[{"index": 0, "function": {"arguments": '{"zone":'}}]),
        delta(tool_calls=[{"index": 1, "id": "b", "function": {"name": "moon", "arguments": "{}"}}]),
        delta(tool_calls=[{"index": 0, "function": {"arguments": '"UTC"}'}}]),
        delta("tool_calls"),
        event(choices=[], usage={"prompt_tokens": 7, "completion_tokens": 3, "cached_tokens": 4}),
        DONE,
    ]
)


@given(st.lists(st.integers(0, len(STORY)), max_size=40))
def test_story_is_the_same_wherever_the_bytes_are_cut(cuts: list[int]) -> None:
    heard: list[str] = []
    answer = StreamedAnswer("m-1", heard.append)
    edges = [0, *sorted(cuts), len(STORY)]
    for start, end in pairwise(edges):
        answer.feed(STORY[start:end])
    whole = answer.completion()
    assert heard == ["你好，", "world 🌍"]
    assert (whole.text, whole.model, whole.reasoning) == ("你好，world 🌍", "m-1-0905", "let me see")
    assert list(whole.tool_calls) == [ToolCall("a", "clock", '{"zone":"UTC"}'), ToolCall("b", "moon", "{}")]
    assert (whole.finish_reason, whole.usage) == ("tool_calls", Usage(7, 3, 10, 4))


def test_usage_inside_the_last_choice_counts_too() -> None:
    answer = StreamedAnswer("m", lambda _: None)
    answer.feed(delta(content="a"))
    last = {"index": 0, "delta": {}, "finish_reason": "stop", "usage": {"prompt_tokens": 2, "completion_tokens": 1}}
    answer.feed(event(choices=[last]))
    assert answer.completion().usage == Usage(2, 1, 3, 0)


def test_calls_that_share_a_number_are_told_apart_by_their_ids() -> None:
    """As Ollama numbers them: https://github.com/ollama/ollama/issues/15497."""
    answer = StreamedAnswer("m", lambda _: None)
    for id_, place in (("a", "sky"), ("b", "sea")):
        call = {"index": 0, "id": id_, "function": {"name": "look", "arguments": '{"at":'}}
        answer.feed(delta(tool_calls=[call]))
        answer.feed(delta(tool_calls=[{"index": 0, "function": {"arguments": f'"{place}"}}'}}]))
    answer.feed(DONE)
    assert list(answer.completion().tool_calls) == [
        ToolCall("a", "look", '{"at":"sky"}'),
        ToolCall("b", "look", '{"at":"sea"}'),
    ]


def test_pieces_without_a_number_belong_to_the_call_that_was_named_last() -> None:
    answer = StreamedAnswer("m", lambda _: None)
    for name in ("look", "hear"):
        answer.feed(delta(tool_calls=[{"function": {"name": name, "arguments": ""}}]))
        answer.feed(delta(tool_calls=[{"function": {"arguments": "{}"}}]))
    answer.feed(DONE)
    assert [(call.name, call.arguments) for call in answer.completion().tool_calls] == [("look", "{}"), ("hear", "{}")]


def test_pieces_that_hold_nothing_are_passed_over() -> None:
    answer = StreamedAnswer("m", lambda _: None)
    answer.feed(event(choices=None) + event(choices=[{"delta": None}]))
    answer.feed(delta(tool_calls=[{"index": 0, "id": "a", "function": None}]))
    answer.feed(delta(tool_calls=[{"index": 0, "function": {"name": "look"}}]) + DONE)
    assert list(answer.completion().tool_calls) == [ToolCall("a", "look", "")]


def test_last_line_needs_no_line_break() -> None:
    answer = StreamedAnswer("m", lambda _: None)
    answer.feed(delta(content="a") + b"data: [DONE]")
    assert answer.completion().text == "a"


@pytest.mark.parametrize("sent", [b"", delta(content="half an ans"), b"event: ping\n\n"])
def test_stream_that_breaks_off_is_no_answer(sent: bytes) -> None:
    answer = StreamedAnswer("m", lambda _: None)
    answer.feed(sent)
    with pytest.raises(ProviderUnavailable, match="broke off"):
        answer.completion()


@pytest.mark.parametrize(
    "sent",
    [
        b"data: {\n\n",
        b"data: []\n\n",
        b"data: \xff\n\n",
        event(choices=5),
        delta(content=5),
        delta(tool_calls=[{"index": 10**9}]),
        delta(tool_calls=[{"id": str(n)} for n in range(MOST_TOOL_CALLS + 1)]),
        b"data: " + b"[" * 100_000 + b"\n",
        b"x" * (LINE_BYTES + 1),
    ],
)
def test_stream_of_nonsense_is_a_bad_answer(sent: bytes) -> None:
    answer = StreamedAnswer("m", lambda _: None)
    with pytest.raises(BadAnswer) as caught:
        answer.feed(sent)
    assert len(str(caught.value)) < 200


@pytest.fixture
def provider(server: ProviderServer, http: httpx.AsyncClient) -> OpenAICompatible:
    return OpenAICompatible(http, Endpoint(server.base_url), ManualClock())


def streams(server: ProviderServer, *pieces: bytes) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
        await response.prepare(request)
        for piece in pieces:
            await response.write(piece)
        return response

    server.handle(handler)


async def ask(provider: OpenAICompatible, heard: list[str]) -> str:
    request = CompletionRequest([ChatMessage("user", "hi")], on_delta=heard.append)
    return (await provider.complete("m-1", request)).text


async def test_listener_hears_each_piece_and_no_reasoning(server: ProviderServer, provider: OpenAICompatible) -> None:
    streams(server, STORY)
    heard: list[str] = []
    assert await ask(provider, heard) == "你好，world 🌍"
    assert heard == ["你好，", "world 🌍"]
    sent = server.received[0].json
    assert (sent["stream"], sent["stream_options"]) == (True, {"include_usage": True})


async def test_server_that_cannot_stream_is_heard_in_one_piece(
    server: ProviderServer, provider: OpenAICompatible
) -> None:
    server.reply(completion("whole"))
    heard: list[str] = []
    assert await ask(provider, heard) == "whole"
    assert heard == ["whole"]


async def test_error_in_the_middle_is_named_like_any_refusal(
    server: ProviderServer, provider: OpenAICompatible
) -> None:
    streams(server, delta(content="a"), event(error={"type": "rate_limit_reached_error", "message": "slow"}))
    with pytest.raises(RateLimited, match="slow"):
        await ask(provider, [])


@pytest.mark.parametrize(
    ("code", "kind"), [(429, RateLimited), (401, AuthRefused), (400, MalformedRequest), ("x", ProviderUnavailable)]
)
async def test_error_in_the_middle_is_as_grave_as_its_code(
    server: ProviderServer, provider: OpenAICompatible, code: object, kind: type[ProviderError]
) -> None:
    streams(server, delta(content="a"), event(error={"code": code, "message": "no"}))
    with pytest.raises(kind, match="no"):
        await ask(provider, [])


async def test_refusal_before_the_stream_is_told(server: ProviderServer, provider: OpenAICompatible) -> None:
    server.reply({"error": {"message": "no"}}, status=500)
    with pytest.raises(ProviderError, match=r"^HTTP 500: no$"):
        await ask(provider, [])


async def test_connection_lost_in_the_stream_is_unavailable(server: ProviderServer, provider: OpenAICompatible) -> None:
    async def hang_up(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(delta(content="a"))
        assert request.transport is not None
        request.transport.abort()
        return response

    server.handle(hang_up)
    heard: list[str] = []
    with pytest.raises(ProviderUnavailable):
        await ask(provider, heard)
    assert heard == ["a"]
