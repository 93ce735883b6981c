"""The road of a message, from the platform to `trace.get` and `/why`, in a whole bot."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from channels.simulator.seed import GROUP
from tests.scene import OTHER, OWNER, Scene, scene_in


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with scene_in(tmp_path) as made:
        yield made


def codes(road: dict[str, Any]) -> list[tuple[str, str]]:
    return [(step["step"], step["code"]) for step in road["steps"] if step["step"] != "model"]


async def test_an_answered_question_shows_every_step_and_its_delivery(scene: Scene) -> None:
    message_id, _ = await scene.ask(OTHER, "hello")
    road = await scene.road(message_id)
    assert codes(road) == [
        ("gate", "admitted"),
        ("binding", "bound"),
        ("session", "in_session"),
        ("turn", "turn_begun"),
        ("turn", "answered"),
    ]
    assert (road["state"], road["reason"], road["sender"]) == ("done", None, str(OTHER))
    assert (road["agent"], road["session_key"]) == ("main", f"agent:main:telegram:group:{GROUP}")
    assert road["steps"][1]["tier"] == "channel"
    (delivery,) = road["deliveries"]
    by_answer = await scene.road(delivery["message_id"])
    by_delivery = await scene.road(delivery["id"][:8])
    by_update = await scene.road(road["id"])
    assert by_answer == by_delivery == by_update == road
    listed = (await scene.client.call("trace.list", limit=1))["roads"]
    assert listed[0]["id"] == road["id"]


async def test_a_refused_message_has_a_road_too(tmp_path: Path) -> None:
    async with scene_in(tmp_path, require_mention=True) as scene:
        update = scene.simulator.telegram.say(GROUP, OTHER, "not meant for you")
        road = await scene.road(f"telegram/default/{update}")
        assert (road["state"], road["reason"]) == ("refused", "not_mentioned")
        assert codes(road) == [("gate", "not_mentioned")]


async def test_a_failed_turn_names_its_reason(scene: Scene) -> None:
    scene.simulator.model.faults.switch_on("disconnect")
    message_id, _ = await scene.ask(OTHER, "hello")
    road = await scene.road(message_id)
    assert road["reason"] == codes(road)[-1][1] == "model_unreachable"


async def test_what_is_no_message_is_told_from_the_inbox(scene: Scene) -> None:
    update = scene.simulator.telegram.set_bot_status(GROUP, OWNER, "member")
    road = await scene.road(f"telegram/default/{update}")
    assert (road["reason"], road["steps"]) == ("added_by_owner", [])


async def test_why_tells_an_owner_everything_and_others_their_own_road(scene: Scene) -> None:
    mine, _ = await scene.ask(OTHER, "hello")
    road = await scene.road(mine)
    answer = int(road["deliveries"][0]["message_id"])
    _, to_other = await scene.ask(OTHER, "/why", reply_to=mine)
    _, to_other_of_answer = await scene.ask(OTHER, "/why", reply_to=answer)
    _, to_owner = await scene.ask(OWNER, "/why", reply_to=answer)
    assert to_other == to_other_of_answer
    assert "助理已經回答" in to_other
    assert "已經送達" in to_other
    assert "agent" not in to_other
    assert "session_key=agent:main" in to_owner
    assert "tier=channel" in to_owner


async def test_why_tells_nobody_of_another_persons_message(scene: Scene) -> None:
    theirs, _ = await scene.ask(OWNER, "hello")
    await scene.road(theirs)
    for text, reply_to in (("/why", theirs), (f"/why {theirs}", None), (f"/why telegram/default/{theirs}", None)):
        _, answer = await scene.ask(OTHER, text, reply_to=reply_to)
        assert answer.startswith(("訊息走過的路，我只告訴", "我找不到那則訊息"))


async def test_why_alone_is_about_the_askers_last_message(scene: Scene) -> None:
    _, nothing = await scene.ask(OTHER, "/why")
    assert nothing.startswith("我找不到")
    message_id, _ = await scene.ask(OTHER, "hello")
    await scene.road(message_id)
    _, answer = await scene.ask(OTHER, "/why")
    assert "已經送達" in answer


async def test_why_about_a_notice_tells_of_the_message_that_asked_for_the_task(scene: Scene) -> None:
    scene.simulator.telegram.say(GROUP, OTHER, "Kimi: name=poem write")
    _, notice = await scene.simulator.telegram.wait_for_sent(2)
    scene.said = 2
    _, answer = await scene.ask(OTHER, "/why", reply_to=notice["message_id"])
    assert "執行了一個指令" in answer
    assert answer.count("已經送達") == 2
    task_id = notice["text"].split("/tasks ")[-1]
    road = await scene.road(task_id)
    assert [delivery["message_id"] for delivery in road["deliveries"]][1:] == [str(notice["message_id"])]


async def test_what_the_bot_said_unasked_is_known_by_its_delivery(scene: Scene) -> None:
    created = await scene.client.call(
        "tasks.create", prompt="write", notify={"channel": "telegram", "chat": str(GROUP)}
    )
    (notice,) = await scene.simulator.telegram.wait_for_sent(1)
    road = await scene.road(notice["message_id"])
    assert (road["id"], road["state"], road["steps"]) == (f"task:{created['task_id']}:1", "task", [])
    scene.said = 1
    _, answer = await scene.ask(OTHER, "/why", reply_to=notice["message_id"])
    assert answer.startswith("訊息走過的路，我只告訴")
