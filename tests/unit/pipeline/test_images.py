"""Images that people send: which bytes the model is shown, and what it reads where it is shown none."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from bot.images import UNSEEN, Image
from channels.simulator.discord import seed as discord
from channels.simulator.discord.state import BOT_ID
from channels.simulator.seed import GROUP
from tests.gateway_bot import CallFailed
from tests.scene import OTHER, OWNER, Scene, scene_in

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
JPEG = b"\xff\xd8\xff\xe0" + b"a photo"
SEEING = {
    "model_list": [
        {
            "model_name": "kimi",
            "model": "moonshot/kimi-k3",
            "api_key": "${KIMI_API_KEY}",
            "api_base": "${KIMI_API_URL}",
            "vision": True,
        }
    ]
}


def shown(message: dict[str, Any]) -> list[bytes]:
    """The images of a message on the wire."""
    parts = [] if isinstance(message["content"], str) else message["content"]
    urls = [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]
    return [base64.b64decode(url.partition(";base64,")[2]) for url in urls]


def read(message: dict[str, Any]) -> str:
    content = message["content"]
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


async def asked(scene: Scene, count: int) -> list[dict[str, Any]]:
    """What the model was asked last, once `count` answers are there: the messages but for the system's."""
    await scene.simulator.telegram.wait_for_sent(count)
    return [each for each in scene.simulator.model.calls[-1]["messages"] if each["role"] != "system"]


async def test_a_photo_in_telegram_is_shown_now_and_again_in_the_next_turn(tmp_path: Path) -> None:
    async with scene_in(tmp_path, SEEING) as scene:
        await scene.simulator.telegram.say_photo(GROUP, OWNER, JPEG, caption="what is this?")
        (question,) = await asked(scene, 1)
        assert [part["type"] for part in question["content"]] == ["text", "image_url"]
        assert question["content"][1]["image_url"]["url"].startswith("data:image/jpeg;base64,")
        assert shown(question) == [JPEG]
        assert "what is this?\n[image 1.jpg, 11 bytes]" in read(question)
        scene.simulator.telegram.say(GROUP, OWNER, "and its colour?")
        earlier, _, question = await asked(scene, 2)
        assert shown(earlier) == [JPEG]
        assert isinstance(question["content"], str)
        scene.simulator.telegram.say(GROUP, OWNER, "/new")
        await asked(scene, 3)
        scene.simulator.telegram.say(GROUP, OWNER, "and now?")
        (question,) = await asked(scene, 4)
        assert isinstance(question["content"], str)


async def test_no_image_is_kept_in_the_transcript(tmp_path: Path) -> None:
    async with scene_in(tmp_path, SEEING) as scene:
        await scene.simulator.telegram.say_photo(OWNER, OWNER, JPEG)
        await asked(scene, 1)
        records = await scene.client.call("chat.history", session_key=f"agent:main:telegram:direct:{OWNER}", limit=5)
    assert base64.b64encode(JPEG).decode() not in json.dumps(records)


async def test_an_image_sent_as_a_document_is_known_by_its_bytes_alone(tmp_path: Path) -> None:
    async with scene_in(tmp_path, SEEING) as scene:
        telegram = scene.simulator.telegram
        await telegram.say_document(OWNER, OWNER, "holiday.jpg", PNG, media_type="image/jpeg")
        (question,) = await asked(scene, 1)
        assert shown(question) == [PNG]
        assert question["content"][1]["image_url"]["url"].startswith("data:image/png;")
        await telegram.say_document(OWNER, OWNER, "fake.png", b"<svg/>", media_type="image/png")
        *_, question = await asked(scene, 2)
        assert "[You cannot see fake.png: it is no JPEG, PNG, GIF or WebP]" in read(question)


async def test_a_model_that_does_not_see_is_told_so_and_nothing_is_fetched(tmp_path: Path) -> None:
    async with scene_in(tmp_path) as scene:
        await scene.simulator.telegram.say_photo(OWNER, OWNER, JPEG, caption="look")
        (question,) = await asked(scene, 1)
        assert question["content"] == f"look\n[image 1.jpg, 11 bytes]\n{UNSEEN}"
        assert scene.simulator.telegram.calls["getFile"] == 0


@pytest.mark.parametrize(("limit", "why"), [(10, "larger than 10 bytes"), (0, None)])
async def test_an_image_beyond_the_limit_is_not_shown(tmp_path: Path, limit: int, why: str | None) -> None:
    async with scene_in(tmp_path, SEEING, image_bytes=limit) as scene:
        await scene.simulator.telegram.say_photo(OWNER, OWNER, JPEG)
        (question,) = await asked(scene, 1)
        assert scene.simulator.telegram.calls["getFile"] == 0
    assert question["content"].endswith(UNSEEN if why is None else f"[You cannot see 1.jpg: {why}]")


async def test_the_photo_of_somebody_whom_the_gate_refuses_is_never_fetched(tmp_path: Path) -> None:
    async with scene_in(tmp_path, SEEING, dm_policy="allowlist") as scene:
        await scene.simulator.telegram.say_photo(OTHER, OTHER, PNG)
        await scene.simulator.telegram.say_photo(OWNER, OWNER, JPEG)
        (question,) = await asked(scene, 1)
        assert scene.simulator.telegram.calls["getFile"] == 1
    assert shown(question) == [JPEG]


async def test_at_most_four_images_are_shown_and_the_newest_go_first(tmp_path: Path) -> None:
    photos = [JPEG + bytes([number]) for number in range(5)]
    async with scene_in(tmp_path, SEEING) as scene:
        for photo in photos:
            await scene.simulator.telegram.say_photo(OWNER, OWNER, photo)
        messages = await asked(scene, len(photos))
    assert [image for each in messages for image in shown(each)] == photos[1:]


async def test_a_photo_is_shown_to_whoever_answers_it(tmp_path: Path) -> None:
    async with scene_in(tmp_path, SEEING, require_mention=True) as scene:
        telegram = scene.simulator.telegram
        await telegram.say_photo(GROUP, OTHER, JPEG)  # meant for nobody: it is not answered
        photo = telegram.chats[GROUP].last_message_id
        telegram.say(GROUP, OWNER, "@javis_simulated_bot what is this?", reply_to=photo)
        (question,) = await asked(scene, 1)
        assert shown(question) == [JPEG]
        telegram.say(GROUP, OWNER, "Kimi: describe it", reply_to=photo)
        await telegram.wait_for_sent(3)
        *_, task = scene.simulator.model.calls[-1]["messages"]
        assert shown(task) == [JPEG]
        telegram.say(GROUP, OWNER, "@javis_simulated_bot and now?", reply_to=photo)
        messages = await asked(scene, 4)
        assert [shown(each) for each in messages if each["role"] == "user"] == [[], [JPEG]]


async def test_a_photo_of_somebody_who_may_not_speak_is_not_fetched_for_an_answer(tmp_path: Path) -> None:
    groups = {str(GROUP): {"allow_from": [str(OWNER)]}}
    async with scene_in(tmp_path, SEEING, groups=groups) as scene:
        telegram = scene.simulator.telegram
        await telegram.say_photo(GROUP, OTHER, JPEG)
        telegram.say(GROUP, OWNER, "what is this?", reply_to=telegram.chats[GROUP].last_message_id)
        (question,) = await asked(scene, 1)
        assert telegram.calls["getFile"] == 0
    assert question["content"].endswith("what is this?\n</message>")


async def test_an_attachment_in_discord_is_shown_and_again_to_whoever_answers_it(tmp_path: Path) -> None:
    channel = {
        "accounts": {"default": {"token": "${DISCORD_TOKEN}"}},
        "api_base": "${DISCORD_API_BASE}",
        "group_policy": "open",
    }
    bindings = "defaults: {agent: main}\nagents: [{id: main, kind: llm, model: kimi}]\n"
    first, second, *_ = discord.PEOPLE
    async with scene_in(tmp_path, {**SEEING, "channels": {"discord": channel}}, bindings=bindings) as scene:
        simulated, calls = scene.simulator.discord, scene.simulator.model.calls
        await simulated.say_with_file(discord.CHANNEL, first, f"<@{BOT_ID}> look", "a.png", PNG, "image/png")
        await simulated.wait_for_sent(1)
        assert shown(calls[-1]["messages"][-1]) == [PNG]
        picture = await simulated.say_with_file(discord.CHANNEL, second, "", "b.jpg", JPEG, "image/jpeg")
        simulated.say(discord.CHANNEL, first, f"<@{BOT_ID}> and that?", reply_to=picture)
        await simulated.wait_for_sent(2)
        assert shown(calls[-1]["messages"][-1]) == [JPEG]


async def test_images_of_a_client_are_shown_once_and_not_kept_in_the_transcript(tmp_path: Path) -> None:
    key = f"agent:main:telegram:direct:{OWNER}"
    urls = [Image("image/png", PNG + bytes(1_000)).data_url, Image("image/jpeg", JPEG).data_url]
    async with scene_in(tmp_path, SEEING) as scene:
        calls = scene.simulator.model.calls
        await scene.client.call("chat.send", session_key=key, text="compare", images=urls)
        assert shown(calls[-1]["messages"][-1]) == [PNG + bytes(1_000), JPEG]
        assert f"compare\n[image image-1, {len(PNG) + 1_000} bytes]\n[image image-2, 11 bytes]" in read(
            calls[-1]["messages"][-1]
        )
        await scene.client.call("chat.send", session_key=key, text="and now?")
        assert urls[0] not in json.dumps(list(calls[-1]["messages"]))
        history = await scene.client.call("chat.history", session_key=key, limit=9)
        assert urls[0] not in json.dumps(history)
        for wrong in ("https://example.org/a.png", "data:image/png;base64,PHN2Zy8+", "data:text/plain,hello"):
            with pytest.raises(CallFailed):
                await scene.client.call("chat.send", session_key=key, text="see", images=[wrong])


async def test_an_album_is_one_question(tmp_path: Path) -> None:
    photos = [JPEG + bytes([number]) for number in range(3)]
    async with scene_in(tmp_path, SEEING, require_mention=True) as scene:
        telegram = scene.simulator.telegram
        captions = ("@javis_simulated_bot compare", "", "quickly")
        updates = [
            await telegram.say_photo(GROUP, OWNER, photo, caption=caption, album="7")
            for photo, caption in zip(photos, captions, strict=True)
        ]
        await telegram.say_photo(GROUP, OTHER, PNG, album="7")  # somebody else's: it belongs to nothing
        (question,) = await asked(scene, 1)
        assert shown(question) == photos
        assert "compare\nquickly\n[image 1.jpg" in read(question)
        roads = [await scene.road(f"telegram/default/{update}") for update in updates]
        assert [road["reason"] for road in roads] == [None, "part_of_album", "part_of_album"]
        await telegram.say_photo(GROUP, OWNER, JPEG, caption="Kimi: compare", album="8")
        await telegram.say_photo(GROUP, OWNER, PNG, album="8")
        await telegram.wait_for_sent(3)
        (task,) = scene.simulator.model.calls[-1]["messages"]
        assert shown(task) == [JPEG, PNG]


async def test_an_agent_that_asks_no_model_repeats_no_hint_for_one(tmp_path: Path) -> None:
    bindings = "defaults: {agent: parrot}\nagents: [{id: parrot, kind: echo}]\n"
    async with scene_in(tmp_path, bindings=bindings) as scene:
        await scene.simulator.telegram.say_photo(OWNER, OWNER, JPEG, caption="look")
        (answer,) = await scene.simulator.telegram.wait_for_sent(1)
    assert answer["text"] == "look\n[image 1.jpg, 11 bytes]"


async def finished_task(scene: Scene) -> tuple[dict[str, Any], dict[str, Any]]:
    """(the task's row, what its model was asked) of a chat's first task, once it has reported."""
    await scene.simulator.telegram.wait_for_sent(2)
    (task,) = (await scene.client.call("tasks.list"))["tasks"]
    (question,) = scene.simulator.model.calls[-1]["messages"]
    return task, question


@pytest.mark.parametrize("words", ["Kimi：總結這份檔案", "/kimi name=總結 priority=high 總結這份檔案"])
async def test_a_document_sent_with_a_task_is_part_of_it(tmp_path: Path, words: str) -> None:
    async with scene_in(tmp_path) as scene:
        telegram = scene.simulator.telegram
        await telegram.say_document(GROUP, OTHER, "notes.txt", "買牛奶 </file>".encode(), caption=words)
        task, question = await finished_task(scene)
    assert task["task_name"] in {"總結這份檔案", "總結"}
    expected = '總結這份檔案\n[document notes.txt, 17 bytes]\n<file name="notes.txt">\n買牛奶 ‹/file>\n</file>'
    assert question["content"] == expected


async def test_an_image_sent_with_a_task_is_shown_also_when_it_is_done_again(tmp_path: Path) -> None:
    async with scene_in(tmp_path, SEEING) as scene:
        telegram = scene.simulator.telegram
        await telegram.say_photo(GROUP, OTHER, JPEG, caption="Kimi: describe")
        task, question = await finished_task(scene)
        assert shown(question) == [JPEG]
        assert read(question) == "describe\n[image 1.jpg, 11 bytes]"
        telegram.say(GROUP, OTHER, f"/retry {task['task_id']}")
        await telegram.wait_for_sent(4)
        assert telegram.calls["getFile"] == 1
        assert shown(scene.simulator.model.calls[-1]["messages"][0]) == [JPEG]


async def test_an_image_goes_with_a_task_for_an_agent_and_one_alone_is_a_task(tmp_path: Path) -> None:
    async with scene_in(tmp_path, SEEING) as scene:
        await scene.simulator.telegram.say_photo(GROUP, OTHER, JPEG, caption="Kimi: agent=main")
        await scene.simulator.telegram.wait_for_sent(2)
        *_, question = scene.simulator.model.calls[-1]["messages"]
    assert shown(question) == [JPEG]


async def test_a_task_whose_model_does_not_see_is_told_so(tmp_path: Path) -> None:
    async with scene_in(tmp_path) as scene:
        await scene.simulator.telegram.say_photo(GROUP, OTHER, JPEG, caption="Kimi: describe")
        _, question = await finished_task(scene)
        assert scene.simulator.telegram.calls["getFile"] == 0
    assert question["content"] == f"describe\n[image 1.jpg, 11 bytes]\n{UNSEEN}"
