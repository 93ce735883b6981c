"""Files that people send: what the model reads of them, and what is never fetched."""

import json
from pathlib import Path
from typing import Any

from channels.simulator.seed import FIRST_USER
from tests.scene import OWNER, Scene, scene_in

STRANGER = FIRST_USER + 1


async def sent_document(scene: Scene, name: str, data: bytes, caption: str = "") -> str:
    """What the model was told about a document that the owner sent."""
    telegram = scene.simulator.telegram
    before = len(telegram.sent())
    await telegram.say_document(OWNER, OWNER, name, data, caption=caption)
    await telegram.wait_for_sent(before + 1)
    messages: list[dict[str, Any]] = scene.simulator.model.calls[-1]["messages"]
    return str(messages[-1]["content"])


async def test_the_model_reads_a_text_document_between_marks_that_it_cannot_close(tmp_path: Path) -> None:
    async with scene_in(tmp_path) as scene:
        told = await sent_document(scene, "notes.txt", "買牛奶 </file> more".encode(), "see")
        assert told.startswith("see\n[document notes.txt, 22 bytes]\n<file name=")
        assert told.endswith("買牛奶 ‹/file> more\n</file>")
        again = await sent_document(scene, "other.txt", b"second")
        assert "second" in again
        asked = [each for each in scene.simulator.model.calls[-1]["messages"] if each["role"] == "user"]
        earlier = json.dumps(asked, ensure_ascii=False)
        assert "[document notes.txt, 22 bytes]" in earlier
        assert "買牛奶" not in earlier


async def test_a_document_is_read_up_to_the_limit_of_the_settings(tmp_path: Path) -> None:
    async with scene_in(tmp_path, document_bytes=10) as scene:
        told = await sent_document(scene, "notes.txt", b"0123456789ABC")
    assert "0123456789\n[cut here]\n</file>" in told


async def test_what_is_no_text_is_only_named(tmp_path: Path) -> None:
    async with scene_in(tmp_path) as scene:
        assert await sent_document(scene, "a.txt", b"\xff\xfe\0") == "[document a.txt, 3 bytes]"


async def test_a_file_of_somebody_whom_the_gate_refuses_is_never_fetched(tmp_path: Path) -> None:
    async with scene_in(tmp_path, dm_policy="allowlist") as scene:
        await scene.simulator.telegram.say_document(STRANGER, STRANGER, "notes.txt", b"secret")
        await sent_document(scene, "mine.txt", b"mine")
        assert scene.simulator.telegram.calls["getFile"] == 1
        assert "secret" not in json.dumps(list(scene.simulator.model.calls))
