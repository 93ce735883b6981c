"""Sessions as people in a chat notice them."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from channels.simulator.seed import GROUP
from tests.scene import OTHER, OWNER, Scene, scene_in


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with scene_in(tmp_path, {"agents": {"defaults": {"history_limit": 10}}}) as made:
        yield made


async def contents(scene: Scene, session_key: str) -> list[str]:
    messages = (await scene.client.call("chat.history", session_key=session_key))["messages"]
    return [message["content"] for message in messages if message["role"] == "user"]


async def test_a_group_that_becomes_a_supergroup_keeps_its_conversation_and_its_place(tmp_path: Path) -> None:
    async with scene_in(tmp_path, group_policy="allowlist", groups={"-77": {}}) as scene:
        scene.simulator.telegram.add_group(-77, "small", [OWNER, OTHER], kind="group")
        await scene.ask(OTHER, "my cat is called Momo", chat=-77)
        await scene.ask(OWNER, "and mine Kuro", chat=-77)
        new_id = scene.simulator.telegram.migrate(-77, OWNER)
        await scene.ask(OTHER, "what are they called?", chat=new_id)
        key = f"agent:main:telegram:group:{new_id}"
        assert await contents(scene, key) == ["my cat is called Momo", "and mine Kuro", "what are they called?"]
        assert "Momo" in str(scene.simulator.model.calls[-1]["messages"])
        assert (await scene.client.call("chat.history", session_key="agent:main:telegram:group:-77"))["messages"] == []


async def test_what_follows_new_at_once_is_a_fresh_conversation(scene: Scene) -> None:
    await scene.ask(OTHER, "my cat is called Momo")
    for text in ("/help", "/status", "/new", "what is it called?"):
        scene.simulator.telegram.say(GROUP, OTHER, text)
    await scene.simulator.telegram.wait_for_sent(5)
    asked = str(scene.simulator.model.calls[-1]["messages"])
    assert "what is it called?" in asked
    assert "Momo" not in asked


async def test_an_edit_replaces_the_question_until_its_turn_begins(scene: Scene) -> None:
    model, telegram = scene.simulator.model, scene.simulator.telegram
    model.faults.switch_on("delay", seconds=0.5)
    first = telegram.say(GROUP, OTHER, "first")
    while not model.calls:
        await asyncio.sleep(0)
    second = telegram.say(GROUP, OTHER, "second")
    ids = sorted(telegram.chats[GROUP].messages)[-2:]
    late, in_time = telegram.edit(GROUP, ids[0], "first, edited"), telegram.edit(GROUP, ids[1], "second, edited")
    roads = [await scene.road(f"telegram/default/{update}") for update in (first, second, late, in_time)]
    assert [road["reason"] for road in roads] == [None, None, "edited_too_late", "edited_before_its_turn"]
    assert await contents(scene, f"agent:main:telegram:group:{GROUP}") == ["first", "second, edited"]


async def test_a_long_conversation_goes_on_with_a_summary_and_loses_nothing(scene: Scene) -> None:
    said = [f"remark {number}" for number in range(6)]
    for text in said:
        await scene.ask(OTHER, text)
    while not any("keep the memory" in str(call["messages"][0]) for call in scene.simulator.model.calls):
        await asyncio.sleep(0)
    for _ in range(100):
        await scene.client.call("health")
    await scene.ask(OTHER, "and now?")
    _, summary, *rest = [message["content"] for message in scene.simulator.model.calls[-1]["messages"]]
    assert summary.startswith('<message of="summary">')
    assert "remark 0" not in str(rest)
    assert await contents(scene, f"agent:main:telegram:group:{GROUP}") == [*said, "and now?"]


async def test_new_ends_a_conversation_and_it_can_be_read_and_restored(scene: Scene) -> None:
    await scene.ask(OTHER, "before")
    await scene.ask(OTHER, "/new")
    await scene.ask(OTHER, "after")
    (closed,) = (await scene.client.call("sessions.list", closed=True))["sessions"]
    (opened,) = (await scene.client.call("sessions.list"))["sessions"]
    assert (closed["state"], opened["state"]) == ("closed", "open")
    assert (closed["messages"], opened["messages"]) == (2, 2)
    assert await contents(scene, opened["session_key"]) == ["after"]


async def test_history_shows_what_was_said_last(scene: Scene) -> None:
    _, nothing = await scene.ask(OTHER, "/history")
    assert nothing == "這段對話還沒有內容。"
    for number in range(3):
        await scene.ask(OTHER, f"line\n{number} " + "x" * 300)
    _, told = await scene.ask(OTHER, "/history 3")
    header, *lines = told.splitlines()
    assert "3 / 6" in header
    assert [": " in line or "：" in line for line in lines] == [True] * 3
    assert "line 2 xxx" in lines[1]
    assert max(map(len, lines)) < 250
    _, all_of_it = await scene.ask(OTHER, "/history 999999999999")
    assert len(all_of_it.splitlines()) == 7


async def test_a_conversation_that_all_share_is_shown_to_an_owner_alone(tmp_path: Path) -> None:
    async with scene_in(tmp_path) as scene:
        bindings = tmp_path / "bindings.yaml"
        bindings.write_text(bindings.read_text().replace("{agent: parrot}", "{agent: parrot, dm_scope: main}"))
        while True:
            await scene.ask(OWNER, "a secret", chat=OWNER)
            if (await scene.client.call("chat.history", session_key="agent:main:main"))["messages"]:
                break
        _, told = await scene.ask(OTHER, "/history", chat=OTHER)
        assert "secret" not in told
        _, told = await scene.ask(OWNER, "/history", chat=OWNER)
        assert "secret" in told
