"""The pool among simulated models: every way in which one can go wrong, and what the next one makes of it."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from pydantic import SecretStr

from bot.providers.attempt import Answered, NoAnswer
from bot.providers.connections import open_connections
from bot.providers.models import CALL_SECONDS, Models
from bot.providers.port import ChatMessage, CompletionRequest, ToolSpec
from channels.clock import ManualClock
from channels.simulator.faults import FaultKind
from channels.simulator.model.refusals import REFUSALS
from channels.simulator.server import Simulator, run_simulator
from tests.unit.providers.setting import ListedEntry

CLASSES = {
    "engine_overloaded": "server",
    "rate_limit": "rate_limit",
    "quota": "billing",
    "server_error": "server",
    "unavailable": "server",
    "bad_key": "auth",
    "forbidden": "auth",
    "client_refused": "auth",
    "membership": "billing",
    "no_model": "auth",
}
ENDS = {"content_filter": "model_refused", "bad_request": "model_misconfigured"}
Ask = Callable[..., "asyncio.Task[Answered]"]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def simulator(clock: ManualClock) -> AsyncIterator[Simulator]:
    async with run_simulator(port=0, state_dir=None, clock=clock) as simulator:
        yield simulator


@pytest.fixture
async def ask(simulator: Simulator, clock: ManualClock) -> AsyncIterator[Ask]:
    """Ask a model of one key and then a second model; `deltas` hears a stream."""
    key, base = SecretStr(simulator.model_key), simulator.model_api_base
    entries = [ListedEntry("first", "moonshot/kimi-k3", key, base), ListedEntry("second", "vllm/spare", key, base)]
    async with open_connections() as connections:
        models = Models(entries, connections.through, clock)

        def ask(deltas: list[str] | None = None, tools: tuple[ToolSpec, ...] = ()) -> "asyncio.Task[Answered]":
            on_delta = None if deltas is None else deltas.append
            request = CompletionRequest([ChatMessage("user", "hi")], tools=tools, on_delta=on_delta)
            return asyncio.create_task(models.ask(["first", "second"], request))

        yield ask


def test_every_refusal_of_the_stand_in_is_looked_at() -> None:
    assert set(CLASSES) | set(ENDS) == set(REFUSALS)


@pytest.mark.parametrize(("reason", "outcome"), CLASSES.items())
async def test_refusal_leads_to_the_next_model(simulator: Simulator, ask: Ask, reason: str, outcome: str) -> None:
    simulator.model.faults.switch_on("refuse", count=1, reason=reason)
    answered = await ask()
    assert [each.outcome for each in answered.attempts] == [outcome, "ok"]


@pytest.mark.parametrize(("reason", "told"), ENDS.items())
async def test_request_that_is_refused_itself_is_asked_of_nobody_else(
    simulator: Simulator, ask: Ask, reason: str, told: str
) -> None:
    simulator.model.faults.switch_on("refuse", reason=reason)
    with pytest.raises(NoAnswer) as caught:
        await ask()
    assert (caught.value.reason, len(caught.value.attempts)) == (told, 1)


@pytest.mark.parametrize(
    ("kind", "outcome"),
    [("disconnect", "server"), ("lose_answer", "server"), ("not_json", "bad_answer"), ("break_off", "server")],
)
@pytest.mark.parametrize("streamed", [False, True])
async def test_broken_answer_leads_to_the_next_model(
    simulator: Simulator, ask: Ask, kind: FaultKind, outcome: str, *, streamed: bool
) -> None:
    simulator.model.faults.switch_on(kind, count=1)
    answered = await ask([] if streamed else None)
    expected = ["ok"] if kind == "break_off" and not streamed else [outcome, "ok"]
    assert [each.outcome for each in answered.attempts] == expected


@pytest.mark.parametrize("streamed", [False, True])
async def test_model_that_is_too_slow_is_left_for_the_next(
    simulator: Simulator, ask: Ask, clock: ManualClock, *, streamed: bool
) -> None:
    kind: FaultKind = "slow" if streamed else "delay"
    simulator.model.faults.switch_on(kind, count=1, seconds=CALL_SECONDS + 1)
    asking = ask([] if streamed else None)
    while clock.sleepers < 2:  # the call's deadline and the stand-in
        await asyncio.sleep(0)
    await clock.advance(CALL_SECONDS)
    answered = await asking
    assert [(each.outcome, each.seconds) for each in answered.attempts] == [("timeout", CALL_SECONDS), ("ok", 0)]


async def test_tool_call_and_thoughts_come_streamed(simulator: Simulator, ask: Ask) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"where": "under the table"}'}}
    message = {"content": "let me see", "reasoning_content": "hm, where could it be", "tool_calls": [call]}
    simulator.model.reply_with(message, message)
    deltas: list[str] = []
    look = ToolSpec("look", "Look.", {"type": "object"})
    streamed = (await ask(deltas, (look,))).completion
    whole = (await ask(None, (look,))).completion
    assert "".join(deltas) == "let me see"
    for answer in (streamed, whole):
        assert answer.reasoning == "hm, where could it be"
        assert [(each.id, each.name, each.arguments) for each in answer.tool_calls] == [
            ("c1", "look", '{"where": "under the table"}')
        ]
        assert answer.usage.total > 0
