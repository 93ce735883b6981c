"""The model stand-in over HTTP."""

import asyncio
import io
import json
import re
import sys
import types
import unittest
from typing import Any

import httpx
import pytest

from channels.clock import ManualClock
from channels.simulator.model import persona
from channels.simulator.server import Simulator
from tests.patience import PATIENCE_SECONDS

FIBONACCI = "寫一個 Python 的費波那契函數，包含單元測試"


async def ask(simulator: Simulator, *contents: str, key: str | None = None, **fields: Any) -> httpx.Response:
    """POST a conversation in which the user speaks first and then every second time."""
    roles = ("user", "assistant")
    messages = [{"role": roles[number % 2], "content": text} for number, text in enumerate(contents)]
    headers = {b"Authorization": f"Bearer {simulator.model_key if key is None else key}".encode()}
    async with httpx.AsyncClient(base_url=simulator.model_api_base, timeout=PATIENCE_SECONDS) as http:
        body = {"model": "moonshot-v1-128k", "messages": messages} | fields
        return await http.post("/chat/completions", json=body, headers=headers)


def text_of(response: httpx.Response) -> str:
    assert response.status_code == 200, response.text
    return str(response.json()["choices"][0]["message"]["content"])


@pytest.mark.parametrize(
    "question", [FIBONACCI, "写一个斐波那契函数，用 Python", "A Fibonacci function in Python, please"]
)
async def test_fibonacci_answer_holds_code_whose_own_tests_pass(simulator: Simulator, question: str) -> None:
    answer = text_of(await ask(simulator, question))
    found = re.search(r"```python\n(.*?)```", answer, re.DOTALL)
    assert found is not None
    module = types.ModuleType("fibonacci_answer")
    exec(found[1], module.__dict__)  # noqa: S102 - running what it says is the point
    suite = unittest.defaultTestLoader.loadTestsFromModule(module)
    assert suite.countTestCases() == 4
    assert unittest.TextTestRunner(stream=io.StringIO()).run(suite).wasSuccessful()
    assert "fibonacci_answer" not in sys.modules


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("今天天氣怎麼樣？", "模擬模型"),
        ("今天天气怎么样，请问？", "模拟模型"),
        ("How is the weather?", "stand-in for the model"),
    ],
)
async def test_other_questions_get_a_plain_confession_in_their_language(
    simulator: Simulator, question: str, words: str
) -> None:
    answer = text_of(await ask(simulator, "first", "answer", question))
    assert words in answer
    assert f"> {question}" in answer
    assert "2" in answer.split(question)[1]


async def test_same_request_gets_the_same_answer(simulator: Simulator) -> None:
    assert text_of(await ask(simulator, "hi")) == text_of(await ask(simulator, "hi"))


async def test_replies_handed_in_come_first_and_in_order(simulator: Simulator) -> None:
    call = {"content": None, "tool_calls": [{"id": "1", "type": "function"}]}
    simulator.model.reply_with("one", lambda body: f"{len(body['messages'])} messages", call)
    assert text_of(await ask(simulator, "a")) == "one"
    assert text_of(await ask(simulator, "a", "b", "c")) == "3 messages"
    choice = (await ask(simulator, "a")).json()["choices"][0]
    assert (choice["finish_reason"], choice["message"]["tool_calls"]) == ("tool_calls", call["tool_calls"])
    assert "stand-in" in text_of(await ask(simulator, "a"))


async def test_usage_grows_with_the_text(simulator: Simulator) -> None:
    small, large = [(await ask(simulator, "字" * size)).json()["usage"] for size in (10, 1000)]
    assert 0 < small["prompt_tokens"] < large["prompt_tokens"]
    assert large["total_tokens"] == large["prompt_tokens"] + large["completion_tokens"]


async def test_request_bodies_are_noted(simulator: Simulator) -> None:
    await ask(simulator, "hi", user="someone")
    assert [(call["model"], call["user"]) for call in simulator.model.calls] == [("moonshot-v1-128k", "someone")]


@pytest.mark.parametrize("key", ["wrong", "鑰匙"])
async def test_wrong_key_is_refused_as_moonshot_does(simulator: Simulator, key: str) -> None:
    response = await ask(simulator, "hi", key=key)
    assert response.status_code == 401
    assert response.json() == {"error": {"type": "invalid_authentication_error", "message": "Invalid Authentication"}}


async def test_models_are_listed_to_whoever_has_the_key(simulator: Simulator) -> None:
    async with httpx.AsyncClient(base_url=simulator.model_api_base, timeout=PATIENCE_SECONDS) as http:
        assert (await http.get("/models")).status_code == 401
        listed = await http.get("/models", headers={"Authorization": f"Bearer {simulator.model_key}"})
    assert "moonshot-v1-128k" in [model["id"] for model in listed.json()["data"]]


@pytest.mark.parametrize(
    "fields",
    [
        {"messages": []},
        {"messages": [{"role": "wizard", "content": "x"}]},
        {"messages": "hi"},
        {"model": None},
        {"temperature": 2},
        {"temperature": "hot"},
        {"model": "kimi-k3", "temperature": 0.3},
    ],
)
async def test_malformed_request_is_refused(simulator: Simulator, fields: dict[str, Any]) -> None:
    response = await ask(simulator, "hi", **fields)
    assert (response.status_code, response.json()["error"]["type"]) == (400, "invalid_request_error")


async def test_body_that_is_no_json_is_refused(simulator: Simulator) -> None:
    async with httpx.AsyncClient(base_url=simulator.model_api_base, timeout=PATIENCE_SECONDS) as http:
        headers = {"Authorization": f"Bearer {simulator.model_key}"}
        response = await http.post("/chat/completions", content=b"hello", headers=headers)
    assert response.status_code == 400


async def test_stream_carries_the_same_text_and_usage_when_asked(simulator: Simulator) -> None:
    whole = (await ask(simulator, FIBONACCI)).json()
    streamed = await ask(simulator, FIBONACCI, stream=True, stream_options={"include_usage": True})
    lines = [line.removeprefix("data: ") for line in streamed.text.splitlines() if line]
    assert lines[-1] == "[DONE]"
    events = [json.loads(line) for line in lines[:-1]]
    text = "".join(choice["delta"].get("content", "") for event in events for choice in event["choices"])
    assert text == whole["choices"][0]["message"]["content"]
    assert [event["usage"] for event in events if "usage" in event] == [whole["usage"]]


async def test_stream_may_break_half_way(simulator: Simulator) -> None:
    simulator.model.faults.switch_on("lose_answer", count=1)
    with pytest.raises(httpx.RemoteProtocolError):
        await ask(simulator, "hi", stream=True)


async def test_stream_may_end_with_an_error_of_its_own(simulator: Simulator) -> None:
    simulator.model.faults.switch_on("break_off", count=1)
    lines = (await ask(simulator, "hi", stream=True)).text.split("\n\n")
    assert json.loads(lines[-2].removeprefix("data: "))["error"]["type"] == "engine_overloaded_error"
    assert "[DONE]" not in lines


async def test_stream_may_come_slowly(simulator: Simulator, clock: ManualClock) -> None:
    simulator.model.reply_with("twelve more characters")
    simulator.model.faults.switch_on("slow", count=1, seconds=2)
    asking = asyncio.create_task(ask(simulator, "hi", stream=True))
    for _ in range(4):
        while not clock.sleepers:
            await asyncio.sleep(0)
        assert not asking.done()
        await clock.advance(2)
    assert "more" in (await asking).text


@pytest.mark.parametrize(
    ("reason", "status", "kind"),
    [
        ("engine_overloaded", 429, "engine_overloaded_error"),
        ("rate_limit", 429, "rate_limit_reached_error"),
        ("quota", 429, "exceeded_current_quota_error"),
        ("server_error", 500, "server_error"),
        ("unavailable", 503, "service_unavailable"),
        ("forbidden", 403, "permission_denied_error"),
        ("client_refused", 403, "access_terminated_error"),
        ("membership", 402, "membership_required"),
        ("no_model", 404, "resource_not_found_error"),
        ("bad_request", 400, "invalid_request_error"),
        ("bad_key", 401, "invalid_authentication_error"),
        ("content_filter", 400, "content_filter"),
    ],
)
async def test_refusal_fault_has_the_shape_of_moonshot(
    simulator: Simulator, reason: str, status: int, kind: str
) -> None:
    simulator.model.faults.switch_on("refuse", count=1, reason=reason)
    response = await ask(simulator, "hi")
    assert (response.status_code, response.json()["error"]["type"]) == (status, kind)
    assert (await ask(simulator, "hi")).status_code == 200


@pytest.mark.parametrize("kind", ["disconnect", "lose_answer"])
async def test_cut_connection_gives_no_answer(simulator: Simulator, kind: str) -> None:
    simulator.model.faults.switch_on(kind, count=1)  # type: ignore[arg-type]
    with pytest.raises(httpx.TransportError):
        await ask(simulator, "hi")
    assert [call.status for call in simulator.model.recent] == [0]


async def test_answer_may_be_no_json(simulator: Simulator) -> None:
    simulator.model.faults.switch_on("not_json", count=1)
    response = await ask(simulator, "hi")
    assert response.status_code == 200
    with pytest.raises(ValueError, match="Expecting value"):
        response.json()


async def test_answer_may_come_late(simulator: Simulator, clock: ManualClock) -> None:
    simulator.model.faults.switch_on("delay", count=1, seconds=30)
    asking = asyncio.create_task(ask(simulator, "hi"))
    while not clock.sleepers:
        await asyncio.sleep(0)
    await clock.advance(29)
    assert not asking.done()
    await clock.advance(1)
    assert (await asking).status_code == 200
    assert simulator.model.recent[0].milliseconds == 30_000


def test_long_question_is_quoted_shortened() -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/gif;base64,R0lG"}}
    answer = persona.answer([{"role": "user", "content": [{"type": "text", "text": "word " * 100}, image]}])
    assert answer.endswith("images: 1.")
    assert len(answer) < 500
    assert "…" in answer


def test_conversation_without_a_question_is_answered_too() -> None:
    assert "held 0 messages" in persona.answer([{"role": "system", "content": "be kind"}])
