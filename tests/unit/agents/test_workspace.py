"""The folder that an agent's owner writes."""

import os
from pathlib import Path

import pytest

from bot.agents.workspace import FILE_BYTES, Workspace


async def test_files_are_read_in_their_order_without_blank_ones(tmp_path: Path) -> None:
    (tmp_path / "TOOLS.md").write_text("tools")
    (tmp_path / "SOUL.md").write_bytes(b"\xef\xbb\xbfsoul\n")
    (tmp_path / "MEMORY.md").write_text(" \n")
    (tmp_path / "HEARTBEAT.md").write_text("not for chats")
    assert await Workspace(tmp_path).read() == ["soul", "tools"]


async def test_absent_folder_has_no_texts(tmp_path: Path) -> None:
    assert await Workspace(tmp_path / "none").read() == []


async def test_changed_new_and_removed_files_are_seen(tmp_path: Path) -> None:
    workspace, soul = Workspace(tmp_path), tmp_path / "SOUL.md"
    assert await workspace.read() == []
    soul.write_text("one")
    assert await workspace.read() == ["one"]
    soul.write_text("three")
    assert await workspace.read() == ["three"]
    soul.unlink()
    assert await workspace.read() == []


async def test_unchanged_file_is_not_read_again(tmp_path: Path) -> None:
    workspace, soul = Workspace(tmp_path), tmp_path / "SOUL.md"
    soul.write_text("one")
    assert await workspace.read() == ["one"]
    before = soul.stat()
    with soul.open("r+") as same_file:
        same_file.write("two")
    os.utime(soul, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert await workspace.read() == ["one"]


async def test_long_file_is_cut_at_its_limit_between_characters(tmp_path: Path) -> None:
    (tmp_path / "SOUL.md").write_text("字" * FILE_BYTES)
    (text,) = await Workspace(tmp_path).read()
    assert text == "字" * (FILE_BYTES // 3)


async def test_unreadable_file_is_logged_once_and_passed_over(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "SOUL.md").mkdir()
    (tmp_path / "TOOLS.md").write_text("tools")
    workspace = Workspace(tmp_path)
    assert await workspace.read() == ["tools"]
    assert await workspace.read() == ["tools"]
    assert [record.getMessage() for record in caplog.records] == ["workspace file unreadable"]
