"""The client against a real server, honest and otherwise."""

import asyncio
import base64
import gzip
import json
import socket
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest
from aiohttp import web
from pydantic import SecretStr

from bot.providers.errors import (
    AuthRefused,
    BadAnswer,
    ContentRefused,
    MalformedRequest,
    ModelMissing,
    Overloaded,
    ProviderError,
    ProviderTimeout,
    ProviderUnavailable,
    QuotaExhausted,
    RateLimited,
)
from bot.providers.openai_compatible import ANSWER_BYTES, Endpoint, OpenAICompatible
from bot.providers.port import ChatMessage, CompletionRequest, ToolCall, ToolSpec, Usage
from bot.providers.refusal import read_refusal
from bot.providers.wire import Replay
from channels.clock import ManualClock
from tests.patience import PATIENCE_SECONDS
from tests.unit.providers.server import ProviderServer, completion

KEY = "sk-canary-0123456789"
ASK = CompletionRequest([ChatMessage("user", "hi")])
ASK_WITH_TOOLS = replace(ASK, tools=[ToolSpec("clock", "tells the time", {"type": "object"})])


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def provider(server: ProviderServer, http: httpx.AsyncClient, clock: ManualClock) -> OpenAICompatible:
    return OpenAICompatible(http, Endpoint(server.base_url, SecretStr(KEY)), clock)


async def test_request_without_options_sends_model_and_messages_alone(
    server: ProviderServer, provider: OpenAICompatible
) -> None:
    server.reply(completion())
    await provider.complete("m-1", ASK)
    (got,) = server.received
    assert got.path == "/v1/chat/completions"
    assert got.json == {"model": "m-1", "messages": [{"role": "user", "content": "hi"}]}
    assert got.headers["Authorization"] == f"Bearer {KEY}"


async def test_set_options_are_sent_in_the_fields_the_server_knows(
    server: ProviderServer, http: httpx.AsyncClient, clock: ManualClock
) -> None:
    endpoint = Endpoint(server.base_url, headers={"x-team": "blue"}, max_tokens_field="max_completion_tokens")
    server.reply(completion())
    tool = ToolSpec("clock", "Tells the time", {"type": "object", "properties": {}})
    request = CompletionRequest([ChatMessage("user", "hi")], temperature=0.0, max_tokens=5, tools=[tool])
    await OpenAICompatible(http, endpoint, clock).complete("m-1", request)
    (got,) = server.received
    assert got.json["temperature"] == 0.0
    assert got.json["max_completion_tokens"] == 5
    assert got.json["tools"][0]["function"] == {
        "name": "clock",
        "description": "Tells the time",
        "parameters": {"type": "object", "properties": {}},
    }
    assert not {"max_tokens", "stream"} & set(got.json)
    assert got.headers["X-Team"] == "blue"


@pytest.mark.parametrize(
    ("replay", "sent"), [("always", [True, True]), ("with_tools", [False, True]), ("never", [False, False])]
)
async def test_reasoning_goes_back_to_models_that_want_it(
    server: ProviderServer, http: httpx.AsyncClient, clock: ManualClock, replay: Replay, sent: list[bool]
) -> None:
    server.reply(completion())
    said = ChatMessage("assistant", "so", reasoning="because")
    called = ChatMessage("assistant", "", tool_calls=[ToolCall("1", "clock", "{}")], reasoning="to know")
    told = ChatMessage("tool", "noon", tool_call_id="1")
    provider = OpenAICompatible(http, Endpoint(server.base_url, replay=replay), clock)
    await provider.complete("m-1", CompletionRequest([said, called, told]))
    messages = server.received[0].json["messages"]
    assert ["reasoning_content" in message for message in messages[:2]] == sent
    assert messages[1]["tool_calls"] == [
        {"id": "1", "type": "function", "function": {"name": "clock", "arguments": "{}"}}
    ]
    assert messages[2] == {"role": "tool", "content": "noon", "tool_call_id": "1"}


@pytest.mark.parametrize("key", [None, SecretStr(""), SecretStr(" \n")])
async def test_absent_key_sends_no_authorization(
    server: ProviderServer, http: httpx.AsyncClient, clock: ManualClock, key: SecretStr | None
) -> None:
    server.reply(completion())
    await OpenAICompatible(http, Endpoint(server.base_url + "/", key), clock).complete("m-1", ASK)
    assert "Authorization" not in server.received[0].headers
    assert server.received[0].path == "/v1/chat/completions"


async def test_half_an_emoji_in_the_question_does_not_stop_it(
    server: ProviderServer, provider: OpenAICompatible
) -> None:
    server.reply(completion())
    await provider.complete("m-1", CompletionRequest([ChatMessage("user", "好\ud83d")]))
    assert server.received[0].json["messages"][0]["content"] == "好?"


async def test_answer_carries_text_model_and_further_fields(server: ProviderServer, provider: OpenAICompatible) -> None:
    body = completion("你好", model="m-1-0905")
    body["choices"][0]["message"]["reasoning_content"] = "hm"
    server.reply(body)
    answer = await provider.complete("m-1", ASK)
    assert (answer.text, answer.model, answer.finish_reason) == ("你好", "m-1-0905", "stop")
    assert answer.reasoning == "hm"
    assert answer.message == ChatMessage("assistant", "你好", reasoning="hm")


async def test_answer_without_model_names_the_one_asked(server: ProviderServer, provider: OpenAICompatible) -> None:
    server.reply(completion())
    assert (await provider.complete("m-1", ASK)).model == "m-1"


async def test_tool_calls_need_no_words(server: ProviderServer, provider: OpenAICompatible) -> None:
    body = completion(None)
    calls = [{"id": "1", "function": {"name": "clock", "arguments": "{}"}}, {"function": {"name": "moon"}}]
    body["choices"][0]["message"]["tool_calls"] = calls
    server.reply(body)
    answer = await provider.complete("m-1", ASK_WITH_TOOLS)
    assert answer.text == ""
    assert list(answer.tool_calls) == [ToolCall("1", "clock", "{}"), ToolCall("call_1", "moon", "")]


async def test_calls_alone_are_no_answer_where_no_tools_were_offered(
    server: ProviderServer, provider: OpenAICompatible
) -> None:
    body = completion(None, usage={"prompt_tokens": 3})
    body["choices"][0]["message"]["tool_calls"] = [{"id": "1", "function": {"name": "clock", "arguments": "{}"}}]
    server.reply(body)
    with pytest.raises(BadAnswer, match="not offered") as caught:
        await provider.complete("m-1", ASK)
    assert caught.value.usage.prompt == 3


@pytest.mark.parametrize("arguments", ["", '{"at": "sk', "[1]", "null", "[" * 100_000, '"\\ud800"'])
async def test_calls_that_were_written_badly_do_not_spoil_what_comes_after(
    server: ProviderServer, provider: OpenAICompatible, arguments: str
) -> None:
    """Providers refuse a whole conversation for one call in it that is cut off or oddly named."""
    server.reply(completion())
    calls = [ToolCall("1", "look up", arguments), ToolCall("2", "", "{}"), ToolCall("3", "x" * 99, '{"a":1}')]
    messages = [ChatMessage("user", "hi"), ChatMessage("assistant", "", tool_calls=calls)]
    await provider.complete("m-1", CompletionRequest(messages))
    sent = [call["function"] for call in server.received[0].json["messages"][1]["tool_calls"]]
    assert sent == [
        {"name": "look_up", "arguments": "{}"},
        {"name": "_", "arguments": "{}"},
        {"name": "x" * 64, "arguments": '{"a":1}'},
    ]


async def test_calls_with_one_id_are_given_ids_of_their_own(server: ProviderServer, provider: OpenAICompatible) -> None:
    """Each result names the call that it answers, so two calls must never have one name."""
    body = completion(None)
    names = [("call_2", "a"), ("", "b"), ("x", "c"), ("x", "d"), ("x", "e")]
    calls = [{"id": id_, "function": {"name": name}} for id_, name in names]
    body["choices"][0]["message"]["tool_calls"] = calls
    server.reply(body)
    ids = [call.id for call in (await provider.complete("m-1", ASK_WITH_TOOLS)).tool_calls]
    assert (ids[0], ids[2]) == ("call_2", "x")
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize(
    ("wire", "usage"),
    [
        ({"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}, Usage(9, 4, 13, 0)),
        ({"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13, "cached_tokens": 5}, Usage(9, 4, 13, 5)),
        ({"prompt_tokens": 9, "prompt_tokens_details": {"cached_tokens": 6}}, Usage(9, 0, 9, 6)),
        ({"cached_tokens": 5, "prompt_tokens_details": {"cached_tokens": None}}, Usage(0, 0, 0, 5)),
        (None, Usage()),
        ({"prompt_tokens": -1}, Usage()),
        ({"prompt_tokens": 2**63}, Usage()),
        ("many", Usage()),
        ([1], Usage()),
    ],
)
async def test_usage_is_read_in_both_spellings_and_nonsense_counts_as_nothing(
    server: ProviderServer, provider: OpenAICompatible, wire: Any, usage: Usage
) -> None:
    server.reply(completion(usage=wire))
    assert (await provider.complete("m-1", ASK)).usage == usage


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (429, {"type": "engine_overloaded_error"}, Overloaded),
        (429, {"type": "rate_limit_reached_error"}, RateLimited),
        (429, {"type": "exceeded_current_quota_error"}, QuotaExhausted),
        (429, {"type": "requests", "code": "insufficient_quota"}, QuotaExhausted),
        (429, {"type": "billing_not_active"}, QuotaExhausted),
        (400, {"code": "billing_hard_limit_reached"}, QuotaExhausted),
        (400, {"type": "Arrearage", "code": "Arrearage"}, QuotaExhausted),
        (429, {"code": 1302}, RateLimited),
        (429, {"code": "1113"}, QuotaExhausted),
        (400, {"code": "1301"}, ContentRefused),
        (400, {"type": "content_filter"}, ContentRefused),
        (400, {"type": "invalid_request_error"}, MalformedRequest),
        (404, {}, ModelMissing),
        (413, {}, MalformedRequest),
        (422, {}, MalformedRequest),
        (401, {}, AuthRefused),
        (402, {}, QuotaExhausted),
        (403, {"type": "access_terminated_error"}, AuthRefused),
        (408, {}, ProviderTimeout),
        (500, {}, ProviderUnavailable),
        (503, {}, Overloaded),
        (529, {}, Overloaded),
    ],
)
async def test_refusal_is_named_by_what_to_do_next(
    server: ProviderServer,
    provider: OpenAICompatible,
    status: int,
    error: dict[str, Any],
    kind: type[ProviderError],
) -> None:
    server.reply({"error": {"message": "no", **error}}, status=status)
    with pytest.raises(ProviderError, match=f"^HTTP {status}: no$") as caught:
        await provider.complete("m-1", ASK)
    assert type(caught.value) is kind


async def test_redirect_is_not_followed_with_the_key(server: ProviderServer, provider: OpenAICompatible) -> None:
    server.reply(b"", status=307, headers={"Location": server.base_url + "/elsewhere"})
    with pytest.raises(BadAnswer, match="HTTP 307"):
        await provider.complete("m-1", ASK)
    assert len(server.received) == 1


async def test_retry_after_is_read_as_seconds_and_as_date(
    server: ProviderServer, provider: OpenAICompatible, clock: ManualClock
) -> None:
    later = format_datetime(clock.now() + timedelta(seconds=90), usegmt=True)
    odd = f"Wed, 21 Oct 2026 07:28:00 +{'9' * 13}"
    for value in ("7.5", later, "soon", "nan", odd):
        server.reply({}, status=429, headers={"Retry-After": value})
    waits = []
    for _ in range(5):
        with pytest.raises(RateLimited) as caught:
            await provider.complete("m-1", ASK)
        waits.append(caught.value.retry_after_seconds)
    assert waits == [7.5, 90.0, None, None, None]


async def test_error_text_is_one_short_line_without_secrets(server: ProviderServer, provider: OpenAICompatible) -> None:
    said = f"bad\nkey \x1b[31m{KEY}\u202e for http://user:pass@host/ and sk-other-key-999 " + "x" * 5000
    server.reply({"error": {"message": said}}, status=401)
    with pytest.raises(AuthRefused) as caught:
        await provider.complete("m-1", ASK)
    text = str(caught.value)
    assert len(text) < 250
    assert text.isprintable()
    assert text.startswith("HTTP 401: bad key [31m*** for http://***@host/ and *** xxx")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html><body>502 Bad Gateway</body></html>",
        b"\xff\xfe",
        b"[]",
        b"null",
        b"{}",
        b'{"choices": []}',
        b'{"choices": {}}',
        b'{"choices": [{}]}',
        b'{"choices": [{"message": null}]}',
        b'{"choices": [{"message": {"content": 5}}]}',
        b'{"choices": [{"message": {"content": ["a"]}}]}',
        b'{"choices": [{"message": {"content": ""}}]}',
        b'{"choices": [{"message": {"content": " \\n"}, "finish_reason": "length"}]}',
        b'{"choices": [{"message": {"content": "a"}}], "model": 5}',
        b'{"choices": [{"message": {"content": "\\ud83d"}}]}',
        b'{"choices": ' + b"[" * 100_000,
        b'{"n": ' + b"9" * 100_000 + b"}",
        gzip.compress(b'{"choices": [{"message": {"content": "a"}}]}', mtime=0),
    ],
)
async def test_answer_that_is_no_completion_is_a_bad_answer(
    server: ProviderServer, provider: OpenAICompatible, body: bytes
) -> None:
    server.reply(body)
    with pytest.raises(BadAnswer) as caught:
        await provider.complete("m-1", ASK)
    assert len(str(caught.value)) < 200


async def test_answer_held_back_by_the_filter_is_refused_content(
    server: ProviderServer, provider: OpenAICompatible
) -> None:
    server.reply({"choices": [{"message": {"content": ""}, "finish_reason": "content_filter"}]})
    with pytest.raises(ContentRefused):
        await provider.complete("m-1", ASK)


@pytest.mark.parametrize(("status", "kind"), [(200, BadAnswer), (500, ProviderUnavailable)])
async def test_endless_answer_is_left_unread(
    server: ProviderServer, provider: OpenAICompatible, status: int, kind: type[ProviderError]
) -> None:
    sent = 0

    async def flood(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse(status=status)
        await response.prepare(request)
        while sent < 64 * ANSWER_BYTES:
            await response.write(b" " * 65536)
            sent += 65536
        return response

    server.handle(flood)
    with pytest.raises(ProviderError) as caught:
        await provider.complete("m-1", ASK)
    assert type(caught.value) is kind
    assert sent < 8 * ANSWER_BYTES


async def test_connection_lost_in_the_answer_is_unavailable(server: ProviderServer, provider: OpenAICompatible) -> None:
    async def hang_up(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b'{"choices"')
        assert request.transport is not None
        request.transport.abort()
        return response

    server.handle(hang_up)
    with pytest.raises(ProviderUnavailable):
        await provider.complete("m-1", ASK)


async def test_login_in_the_address_is_sent_as_a_header(
    server: ProviderServer, http: httpx.AsyncClient, clock: ManualClock
) -> None:
    server.reply(completion())
    base = server.base_url.replace("://", "://ann:s%3A3@")
    await OpenAICompatible(http, Endpoint(base), clock).complete("m-1", ASK)
    assert server.received[0].headers["Authorization"] == f"Basic {base64.b64encode(b'ann:s:3').decode()}"


async def test_nobody_listening_is_unavailable(http: httpx.AsyncClient, clock: ManualClock) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound but not listening: connections are refused
        base = f"http://user:hidden@127.0.0.1:{taken.getsockname()[1]}/v1"
        provider = OpenAICompatible(http, Endpoint(base), clock)
        with pytest.raises(ProviderUnavailable, match=r"^127\.0\.0\.1 cannot be reached") as caught:
            await provider.complete("m-1", ASK)
    assert "hidden" not in f"{caught.value!r}{provider!r}"


@pytest.mark.parametrize("key", ["sk-a\r\nX-Evil: 1", "sk-未設定"])
async def test_key_that_no_header_can_carry_is_refused_unspoken(
    server: ProviderServer, http: httpx.AsyncClient, clock: ManualClock, key: str
) -> None:
    with pytest.raises(AuthRefused) as caught:
        await OpenAICompatible(http, Endpoint(server.base_url, SecretStr(key)), clock).complete("m-1", ASK)
    assert "sk-" not in str(caught.value)
    assert not server.received


async def test_cancelling_closes_the_request_in_flight(server: ProviderServer, provider: OpenAICompatible) -> None:
    closed = asyncio.Event()

    async def wait_for_the_end(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while True:
                await response.write(b" ")
                await asyncio.sleep(0)
        except (ConnectionError, asyncio.CancelledError):
            closed.set()
            raise

    server.handle(wait_for_the_end)
    asking = asyncio.create_task(provider.complete("m-1", ASK))
    await server.arrived.wait()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await asyncio.wait_for(closed.wait(), PATIENCE_SECONDS)


async def test_hundreds_of_calls_run_side_by_side(server: ProviderServer, provider: OpenAICompatible) -> None:
    everyone_here = asyncio.Event()
    count = 300

    async def answer_together(_request: web.Request) -> web.StreamResponse:
        if len(server.received) == count:
            everyone_here.set()
        await everyone_here.wait()
        return web.json_response(completion())

    for _ in range(count):
        server.handle(answer_together)
    answers = await asyncio.gather(*(provider.complete("m-1", ASK) for _ in range(count)))
    assert len(answers) == count


@pytest.mark.parametrize(
    ("words", "seconds"),
    [
        ("Your account reached max request, please try again after 1 seconds", 1),
        ("Rate limit reached. Please try again in 20s.", 20),
        ("Please try again in 1.5 seconds", 1.5),
        ("try again in 5 minutes", None),
        ("slow down", None),
    ],
)
def test_wait_that_only_the_words_name_is_read(words: str, seconds: float | None) -> None:
    body = json.dumps({"error": {"type": "rate_limit_reached_error", "message": words}}).encode()
    assert read_refusal(429, {}, body, secret=None, now=datetime.now(UTC)).retry_after_seconds == seconds
    overloaded = json.dumps({"error": {"type": "engine_overloaded_error", "message": words}}).encode()
    assert read_refusal(429, {}, overloaded, secret=None, now=datetime.now(UTC)).retry_after_seconds is None


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"code": 429, "message": "slow"}, RateLimited),
        ({"code": 402, "message": "pay"}, QuotaExhausted),
        ({"code": "x", "message": "broken"}, ProviderUnavailable),
        ("broken", ProviderUnavailable),
    ],
)
async def test_refusal_in_an_answer_of_200_is_a_refusal(
    server: ProviderServer, provider: OpenAICompatible, error: object, kind: type[ProviderError]
) -> None:
    server.reply({"error": error})
    with pytest.raises(kind):
        await provider.complete("m-1", ASK)
