"""bindings.yaml of a running bot, as its clients see it."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.gateway_bot import BINDINGS, CallFailed, Client, gateway_bot
from tests.patience import PATIENCE_SECONDS


async def until(client: Client, method: str, fits: Any) -> Any:
    """What the method answers once `fits` says so."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not fits(answer := await client.call(method)):
            pass
    return answer


async def test_saved_file_is_in_force_and_a_faulty_one_is_told(tmp_path: Path) -> None:
    path = tmp_path / "bindings.yaml"
    async with gateway_bot(tmp_path) as bot, bot.client() as client:
        path.write_text(BINDINGS.replace("agent: main, match: {channel", "agent: parrot, match: {channel"))
        await until(client, "routing.bindings", lambda found: found["bindings"][0]["agent"] == "parrot")

        path.write_text(BINDINGS.replace("agent: main, match", "agent: mian, match"))
        health = await until(client, "health", lambda found: found["status"] == "degraded")
        assert health["trouble"] == ["the bindings have 1 fault(s): the last good version is in force"]
        (fault,) = (await client.call("channels.status"))["binding_faults"]
        assert fault.endswith("unknown agent 'mian': did you mean 'main'?")
        assert (await client.call("routing.bindings"))["bindings"][0]["agent"] == "parrot"

        path.write_text(BINDINGS)
        await until(client, "health", lambda found: found["status"] == "ok")


async def test_agent_added_to_the_file_answers(tmp_path: Path) -> None:
    async with gateway_bot(tmp_path) as bot, bot.client() as client:
        added = BINDINGS.replace("agents:\n", "agents:\n  - {id: echo2, kind: echo}\n").replace(
            "defaults: {agent: parrot}", "defaults: {agent: echo2}"
        )
        (tmp_path / "bindings.yaml").write_text(added)
        await until(client, "routing.bindings", lambda found: found["default_agent"] == "echo2")
        answer = await client.call("chat.send", text="hello")
        assert answer["text"] == "hello"
        assert answer["session_key"].startswith("agent:echo2:")


GROUP = {"channel": "telegram", "peer": {"kind": "group", "id": "-100"}}


async def test_binding_set_by_a_client_is_in_force_with_the_answer(tmp_path: Path) -> None:
    async with gateway_bot(tmp_path) as bot, bot.client() as client:
        assert (await client.call("bindings.set", match=GROUP, agent="parrot"))["done"] == "added"
        where = {"channel": "telegram", "peer": {"kind": "group", "id": "-100"}, "sender": "7"}
        assert (await client.call("routing.resolve", **where))["agent"] == "parrot"
        assert (tmp_path / "bindings.yaml").read_text().startswith(BINDINGS)
        assert (await client.call("routing.bindings"))["bindings"][-1]["fields"] == GROUP

        assert (await client.call("bindings.set", match=GROUP, agent=None))["done"] == "removed"
        assert (await client.call("routing.resolve", **where))["agent"] == "main"
        assert (tmp_path / "bindings.yaml").read_text() == BINDINGS


async def test_binding_that_cannot_be_is_refused_with_the_reason(tmp_path: Path) -> None:
    async with gateway_bot(tmp_path) as bot, bot.client() as client:
        for match, agent, words in (
            (GROUP, "parot", "did you mean 'parrot'?"),
            ({"sender": "@bob"}, "parrot", "is a name, not an id"),
            ({"channel": "telegram", "guild": "1"}, "parrot", "Telegram has no guilds"),
        ):
            with pytest.raises(CallFailed) as refused:
                await client.call("bindings.set", match=match, agent=agent)
            assert words in str(refused.value)
        assert (tmp_path / "bindings.yaml").read_text() == BINDINGS


async def test_owner_binds_a_chat_by_a_word_in_it(tmp_path: Path) -> None:
    settings = 'gateway: {port: 0, rate_per_second: null}\nlanguage: en\nchannels: {web: {owners: ["anna"]}}\n'

    async def say(client: Client, text: str, sender: str = "anna") -> dict[str, Any]:
        answer: dict[str, Any] = await client.call("chat.send", text=text, sender=sender)
        return answer

    async with gateway_bot(tmp_path, settings) as bot, bot.client() as client:
        assert "Only my owner" in (await say(client, "/bind main", "bert"))["text"]
        assert "parrot answers here: No binding fits" in (await say(client, "/bind"))["text"]
        assert "no agent mian" in (await say(client, "/bind mian"))["text"]
        assert (await say(client, "/bind main"))["text"] == "✅ From now on main answers here."
        shown = (await say(client, "/bind"))["text"]
        assert "main answers here: main for channel web, peer.kind direct, peer.id anna (line 7)" in shown
        assert (await say(client, "/bind off"))["text"] == "✅ This chat’s own binding is gone; parrot answers here."
        assert (await say(client, "hello"))["session_key"].startswith("agent:parrot:")
        assert (tmp_path / "bindings.yaml").read_text() == BINDINGS
