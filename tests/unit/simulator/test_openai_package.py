"""The model stand-in as OpenAI's own package reads it: a second opinion on its shape."""

from collections.abc import AsyncIterator

import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolParam

from channels.simulator.model.refusals import REFUSALS
from channels.simulator.server import Simulator

ASK: list[ChatCompletionMessageParam] = [{"role": "user", "content": "hi"}]
TOOLS: list[ChatCompletionToolParam] = [
    {"type": "function", "function": {"name": "look", "description": "Look.", "parameters": {"type": "object"}}}
]
CALL = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": '{"where": "under the table"}'}}
BY_STATUS = {
    400: openai.BadRequestError,
    401: openai.AuthenticationError,
    403: openai.PermissionDeniedError,
    404: openai.NotFoundError,
    429: openai.RateLimitError,
    500: openai.InternalServerError,
    503: openai.InternalServerError,
}


@pytest.fixture
async def client(simulator: Simulator) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(
        api_key=simulator.model_key, base_url=simulator.model_api_base, max_retries=0
    ) as client:
        yield client


async def test_answer_is_read_whole(client: openai.AsyncOpenAI, simulator: Simulator) -> None:
    simulator.model.reply_with("hello")
    answer = await client.chat.completions.create(model="kimi-k3", messages=ASK)
    (choice,) = answer.choices
    assert (choice.message.content, choice.finish_reason, answer.model) == ("hello", "stop", "kimi-k3")
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


async def test_stream_adds_up(client: openai.AsyncOpenAI, simulator: Simulator) -> None:
    simulator.model.reply_with("a text of more than twelve characters")
    stream = await client.chat.completions.create(
        model="kimi-k3", messages=ASK, stream=True, stream_options={"include_usage": True}
    )
    events = [event async for event in stream]
    text = "".join(choice.delta.content or "" for event in events for choice in event.choices)
    assert text == "a text of more than twelve characters"
    assert events[-1].usage is not None


async def test_tool_call_comes_whole_and_streamed(client: openai.AsyncOpenAI, simulator: Simulator) -> None:
    simulator.model.reply_with({"content": None, "tool_calls": [CALL]}, {"content": None, "tool_calls": [CALL]})
    answer = await client.chat.completions.create(model="kimi-k3", messages=ASK, tools=TOOLS)
    assert answer.choices[0].finish_reason == "tool_calls"
    async with client.chat.completions.stream(model="kimi-k3", messages=ASK, tools=TOOLS) as stream:
        streamed = (await stream.get_final_completion()).choices[0].message
    for message in (answer.choices[0].message, streamed):
        assert message.tool_calls is not None
        (call,) = message.tool_calls
        assert call.id == "call_1"
        assert call.type == "function"
        assert call.function.arguments == '{"where": "under the table"}'


@pytest.mark.parametrize("reason", list(REFUSALS))
async def test_refusal_is_the_error_that_its_status_means(
    client: openai.AsyncOpenAI, simulator: Simulator, reason: str
) -> None:
    refusal = REFUSALS[reason]
    simulator.model.faults.switch_on("refuse", count=1, reason=reason)
    with pytest.raises(openai.APIStatusError) as caught:
        await client.chat.completions.create(model="kimi-k3", messages=ASK)
    assert isinstance(caught.value, BY_STATUS.get(refusal.status, openai.APIStatusError))
    assert caught.value.type == refusal.type
    assert refusal.message in str(caught.value)


async def test_models_are_listed(client: openai.AsyncOpenAI) -> None:
    assert "kimi-k3" in [model.id async for model in client.models.list()]
