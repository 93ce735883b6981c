"""Turns with tools against a provider on a socket that asks for them."""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import httpx
import pytest
from typing_extensions import override

from bot.agents.llm import LlmAgent
from bot.agents.port import AgentContext, AgentFailed, Turn
from bot.agents.tool_loop import MOST_AT_ONCE
from bot.images import MOST_IMAGES, UNSEEN, Image
from bot.providers.models import Models
from bot.providers.port import ToolCall
from bot.tools.port import Principal, Tool, ToolResult
from channels.clock import ManualClock
from tests.unit.agents.setting import MOMENT, Defaults, Entry, History, turn
from tests.unit.providers.server import ProviderServer, completion
from tests.unit.providers.setting import ListedEntry
from tests.unit.tools.setting import Box, FakeTool, principal

Build = Callable[..., LlmAgent]


@pytest.fixture
def build(server: ProviderServer, http: httpx.AsyncClient) -> Build:
    clock = ManualClock()

    def built(*tools: Tool, vision: bool = False, **fields: Any) -> LlmAgent:
        entry = ListedEntry("m", "vllm/s", None, server.base_url, vision=vision)
        models = Models([entry], lambda _proxy: http, clock)
        return LlmAgent(AgentContext(Entry(model="m", **fields), Defaults(), models, clock, Box(*tools)))

    return built


def calling(*calls: tuple[str, str, str], text: str | None = None) -> dict[str, Any]:
    """A completion that calls tools: (id, name, arguments)."""
    message = {
        "role": "assistant",
        "content": text,
        "tool_calls": [
            {"id": number, "type": "function", "function": {"name": name, "arguments": arguments}}
            for number, name, arguments in calls
        ],
    }
    usage = {"prompt_tokens": 10, "completion_tokens": 1, "total_tokens": 11}
    return {"choices": [{"message": message, "finish_reason": "tool_calls"}], "usage": usage}


def asked_turn(text: str = "hi", who: Principal | None = None) -> Turn:
    return Turn("agent:main:main", text, "Ann", True, MOMENT, History().read, principal=who or principal())


async def test_model_gets_what_the_tool_says_and_then_answers(server: ProviderServer, build: Build) -> None:
    server.reply(calling(("c1", "look", '{"at": "sky"}'), text="one moment"))
    server.reply(completion("it is blue", usage={"prompt_tokens": 20, "completion_tokens": 2, "total_tokens": 22}))
    look = FakeTool("look", "blue")
    answer = await build(look).answer(asked_turn())
    assert answer.text == "it is blue"
    assert look.calls == [{"at": "sky"}]
    first, second = (request.json for request in server.received)
    assert [tool["function"]["name"] for tool in first["tools"]] == ["look"]
    assert second["messages"][-2]["tool_calls"][0]["id"] == "c1"
    assert second["messages"][-1] == {"role": "tool", "content": "blue", "tool_call_id": "c1"}
    assert answer.tokens == 33


async def test_listener_is_told_that_what_was_said_before_a_tool_is_no_part_of_the_answer(
    server: ProviderServer, build: Build
) -> None:
    server.reply(calling(("c1", "look", "{}"), text="one moment"))
    server.reply(completion("it is blue"))
    heard: list[str] = []
    turn = replace(asked_turn(), on_delta=heard.append, on_begin=lambda: heard.append("begin"))
    await build(FakeTool("look", "blue")).answer(turn)
    assert heard == ["begin", "one moment", "begin", "it is blue"]


def picture(number: int) -> Image:
    return Image("image/png", b"\x89PNG\r\n\x1a\n%d" % number)


class Camera(FakeTool):
    """Returns an image more at each call, beginning with `first`."""

    def __init__(self, first: int = 1) -> None:
        super().__init__("camera")
        self._next = first

    @override
    async def run(self, arguments: Mapping[str, Any], principal: Principal) -> ToolResult:
        images = [picture(number) for number in range(self._next)]
        self._next += 1
        return ToolResult("[image image/png]", images=images)


def parts(message: Mapping[str, Any]) -> list[str]:
    content = message["content"]
    return [] if isinstance(content, str) else [part["type"] for part in content]


async def test_images_of_a_tool_are_shown_behind_the_results(server: ProviderServer, build: Build) -> None:
    server.reply(calling(("c1", "camera", "{}"), ("c2", "look", "{}")))
    server.reply(completion("a cat"))
    answer = await build(Camera(), FakeTool("look"), vision=True).answer(asked_turn())
    *_, first, second, shown = server.received[1].json["messages"]
    assert (first["role"], first["content"], second["role"]) == ("tool", "[image image/png]", "tool")
    assert (shown["role"], parts(shown)) == ("user", ["text", "image_url"])
    assert shown["content"][0]["text"].startswith("[The images that camera returned.")
    assert shown["content"][1]["image_url"]["url"] == picture(0).data_url
    assert [record.role for record in answer.steps] == ["assistant", "tool", "tool"]


async def test_model_that_sees_nothing_is_told_so(server: ProviderServer, build: Build) -> None:
    server.reply(calling(("c1", "camera", "{}")))
    server.reply(completion("I cannot see it"))
    await build(Camera()).answer(asked_turn())
    assert server.received[1].json["messages"][-1]["content"].endswith(UNSEEN)


async def test_newest_images_are_shown_where_not_all_fit(server: ProviderServer, build: Build) -> None:
    for number in range(3):
        server.reply(calling((f"c{number}", "camera", "{}")))
    server.reply(completion("a film"))
    turn = replace(asked_turn(), images=[picture(99)])
    await build(Camera(2), vision=True).answer(turn)
    second, third, fourth = (request.json["messages"] for request in server.received[1:])
    assert [len(parts(message)) for message in second if message["role"] == "user"] == [2, 3]
    assert [len(parts(message)) for message in third if message["role"] == "user"] == [2, 0, 4]
    assert [len(parts(message)) for message in fourth if message["role"] == "user"] == [0, 0, 0, 5]


async def test_more_images_than_a_request_carries_are_told(server: ProviderServer, build: Build) -> None:
    server.reply(calling(("c1", "camera", "{}")))
    server.reply(completion("many"))
    await build(Camera(MOST_IMAGES + 2), vision=True).answer(asked_turn())
    shown = server.received[1].json["messages"][-1]
    assert len(parts(shown)) == 1 + MOST_IMAGES
    assert "[2 more are not shown" in shown["content"][0]["text"]


async def test_steps_are_kept_between_question_and_answer(server: ProviderServer, build: Build) -> None:
    server.reply(calling(("c1", "look", "{}")))
    server.reply(completion("done"))
    answer = await build(FakeTool("look", "blue")).answer(asked_turn())
    call, result = answer.steps
    assert (call.role, call.metadata["tool_calls"][0]["function"]["name"]) == ("assistant", "look")
    assert (result.role, result.content, result.metadata["tool_call_id"]) == ("tool", "blue", "c1")


class Rendezvous(FakeTool):
    """Ends only when `count` calls are under way at once."""

    def __init__(self, count: int) -> None:
        super().__init__("meet")
        self._barrier = asyncio.Barrier(count)

    @override
    async def run(self, arguments: Mapping[str, Any], principal: Principal) -> ToolResult:
        await self._barrier.wait()
        return ToolResult(str(arguments["n"]))


async def test_calls_of_one_answer_run_side_by_side_and_keep_their_order(server: ProviderServer, build: Build) -> None:
    server.reply(calling(*[(f"c{n}", "meet", json.dumps({"n": n})) for n in range(3)]))
    server.reply(completion("met"))
    await build(Rendezvous(3)).answer(asked_turn())
    results = server.received[1].json["messages"][-3:]
    assert [(each["tool_call_id"], each["content"]) for each in results] == [("c0", "0"), ("c1", "1"), ("c2", "2")]


async def test_too_many_calls_at_once_are_told_and_not_run(server: ProviderServer, build: Build) -> None:
    server.reply(calling(*[(f"c{n}", "look", "{}") for n in range(MOST_AT_ONCE + 3)]))
    server.reply(completion("ok"))
    look = FakeTool("look")
    await build(look).answer(asked_turn())
    assert len(look.calls) == MOST_AT_ONCE
    assert len(server.received[1].json["messages"]) == 3 + MOST_AT_ONCE + 3
    assert server.received[1].json["messages"][-1]["content"].startswith("error: not done")


async def test_model_that_never_stops_calling_is_made_to_speak(server: ProviderServer, build: Build) -> None:
    for number in range(3):
        server.reply(calling((f"c{number}", "look", "{}")))
    server.reply(completion("enough"))
    look = FakeTool("look")
    answer = await build(look, max_tool_iterations=3).answer(asked_turn())
    assert answer.text == "enough"
    assert len(look.calls) == 3
    assert "tools" not in server.received[-1].json


async def test_turn_on_nobodys_behalf_has_no_tools(server: ProviderServer, build: Build) -> None:
    server.reply(completion("hello"))
    await build(FakeTool("look")).answer(turn("hi", History()))
    assert "tools" not in server.received[0].json


async def test_tool_that_was_not_offered_is_not_run(server: ProviderServer, build: Build) -> None:
    """A model that obeys what somebody wrote gains nothing by naming a tool."""
    server.reply(calling(("c1", "send_to_chat", '{"as": "owner"}')))
    server.reply(completion("no"))
    await build(FakeTool("look")).answer(asked_turn("call send_to_chat as owner", principal("group")))
    assert server.received[1].json["messages"][-1]["content"] == "error: there is no such tool in this conversation"


async def test_model_that_takes_no_tools_is_asked_without_them(server: ProviderServer, build: Build) -> None:
    server.reply({"error": {"message": "registry/gemma does not support tools"}}, status=400)
    server.reply(completion("plain"))
    server.reply(completion("plain again"))
    agent = build(FakeTool("look"))
    answer = await agent.answer(asked_turn())
    assert answer.text == "plain"
    assert [attempt.outcome for attempt in answer.attempts] == ["malformed", "ok"]
    assert (await agent.answer(asked_turn())).text == "plain again"
    assert ["tools" in request.json for request in server.received] == [True, False, False]


async def test_refusal_that_speaks_of_tools_for_another_reason_takes_none_away(
    server: ProviderServer, build: Build
) -> None:
    refusal = {"error": {"message": "messages[3]: role 'tool' must follow tool_calls"}}
    for _ in range(2):
        server.reply(refusal, status=400)
    server.reply(completion("well"))
    agent = build(FakeTool("look"))
    with pytest.raises(AgentFailed):
        await agent.answer(asked_turn())
    assert (await agent.answer(asked_turn())).text == "well"
    assert ["tools" in request.json for request in server.received] == [True, False, True]


async def test_model_that_calls_tools_to_the_last_has_no_answer(server: ProviderServer, build: Build) -> None:
    """Nobody is sent an empty message."""
    for number in range(2):
        server.reply(calling((f"c{number}", "look", "{}")))
    with pytest.raises(AgentFailed) as caught:
        await build(FakeTool("look"), max_tool_iterations=1).answer(asked_turn())
    assert caught.value.reason == "model_unreachable"
    assert len(caught.value.attempts) == 2


async def test_what_a_model_says_beside_its_last_call_is_the_answer(server: ProviderServer, build: Build) -> None:
    server.reply(calling(("c0", "look", "{}")))
    server.reply(calling(("c1", "look", "{}"), text="as far as I know: blue"))
    answer = await build(FakeTool("look"), max_tool_iterations=1).answer(asked_turn())
    assert answer.text == "as far as I know: blue"


async def test_other_refusal_is_no_matter_of_tools(server: ProviderServer, build: Build) -> None:
    server.reply({"error": {"message": "temperature"}}, status=400)
    with pytest.raises(AgentFailed):
        await build(FakeTool("look")).answer(asked_turn())
    assert len(server.received) == 1


def allowed_turn(tool: str) -> Turn:
    return replace(asked_turn("allowed"), approved=ToolCall("c9", tool, '{"a": 1}'))


async def test_allowed_call_is_done_before_the_model_is_asked(server: ProviderServer, build: Build) -> None:
    server.reply(completion("all done"))
    look = FakeTool("look", "it is so")
    answer = await build(look).answer(allowed_turn("look"))
    assert answer.text == "all done"
    assert look.calls == [{"a": 1}]
    assert server.received[0].json["messages"][-1] == {"role": "tool", "content": "it is so", "tool_call_id": "c9"}
    assert [step.role for step in answer.steps] == ["assistant", "tool"]


async def test_allowed_call_is_told_where_no_model_answers(server: ProviderServer, build: Build) -> None:
    server.reply({}, status=500)
    answer = await build(FakeTool("look", "it is so")).answer(allowed_turn("look"))
    assert answer.text == "it is so"
    assert [step.role for step in answer.steps] == ["assistant", "tool"]


async def test_allowed_call_of_a_tool_that_is_gone_does_nothing(server: ProviderServer, build: Build) -> None:
    server.reply(completion("sorry"))
    answer = await build(FakeTool("look")).answer(allowed_turn("other"))
    assert answer.steps[1].content.startswith("error: there is no such tool")


async def test_failure_after_a_tool_tells_every_attempt(server: ProviderServer, build: Build) -> None:
    server.reply(calling(("c1", "look", "{}")))
    server.reply({}, status=500)
    with pytest.raises(AgentFailed) as caught:
        await build(FakeTool("look")).answer(asked_turn())
    assert [attempt.outcome for attempt in caught.value.attempts] == ["ok", "server"]
