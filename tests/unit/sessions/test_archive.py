"""Sessions that ended: out of the database into files, and back; whole after every crash."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from bot.sessions import archive as module
from bot.sessions.archive import REST, Archive, ArchiveFault
from bot.sessions.jsonl import FilesRefused
from bot.storage.port import Row, Statement, Storage
from tests.unit.sessions.archivist import KEY, Archivist

DAY = 86_400.0


async def rows(storage: Storage, session_id: int) -> int:
    return len(await storage.read("sessions.last", {"session_id": session_id, "most": 10_000}))


async def test_a_fresh_conversation_begins_and_the_old_one_goes_to_a_file(archivist: Archivist) -> None:
    await archivist.say("one", "two")
    old = await archivist.close()
    await archivist.say("three")
    await archivist.archive.sweep()
    assert await archivist.states() == ["open", "closed"]
    await archivist.clock.advance(REST.total_seconds())
    await archivist.archive.sweep()
    assert await archivist.states() == ["open", "archived"]
    assert await archivist.texts() == ["three"]
    assert await rows(archivist.storage, old.id) == 0
    (name,) = archivist.files()
    assert name == f"agent_main_telegram_direct_5-{old.id}.jsonl"
    assert (archivist.folder / name).stat().st_mode & 0o777 == 0o600
    assert (await archivist.sessions.of_key(KEY))[1].messages == 2


async def test_a_session_idle_for_thirty_days_is_archived_and_another_is_not(archivist: Archivist) -> None:
    await archivist.say("old")
    await archivist.clock.advance(29 * DAY)
    await archivist.say("lively", key="agent:main:main")
    await archivist.archive.sweep()
    assert await archivist.states() == ["open"]
    await archivist.clock.advance(1.1 * DAY)
    await archivist.archive.sweep()
    await archivist.clock.advance(REST.total_seconds())
    await archivist.archive.sweep()
    assert await archivist.states() == ["archived"]
    assert await archivist.states("agent:main:main") == ["open"]
    await archivist.say("again")
    assert await archivist.texts() == ["again"]


async def test_restored_it_is_what_it_was_and_the_open_one_is_closed(archivist: Archivist) -> None:
    await archivist.say("一", "two\n🙂")
    before = await archivist.sessions.history(KEY, 10)
    page = await archivist.sessions.page((await archivist.sessions.of_key(KEY))[0].id, 0, 10)
    stored = await archivist.archive.store(await archivist.close())
    await archivist.say("between")
    restored = await archivist.archive.restore(stored)
    assert (restored.state, restored.messages, restored.archive) == ("open", 2, None)
    assert await archivist.sessions.history(KEY, 10) == before
    assert await archivist.sessions.page(restored.id, 0, 10) == page
    assert archivist.files() == []
    assert await archivist.states() == ["closed", "open"]
    await archivist.say("on")
    assert await archivist.texts() == ["一", "two\n🙂", "on"]


async def test_a_closed_session_is_opened_again_without_a_file(archivist: Archivist) -> None:
    await archivist.say("one")
    closed = await archivist.close()
    await archivist.archive.restore(closed)
    assert await archivist.texts() == ["one"]
    with pytest.raises(ArchiveFault, match="open already"):
        await archivist.archive.restore((await archivist.sessions.of_key(KEY))[0])


async def test_a_file_that_is_gone_or_spoilt_leaves_the_session_archived(archivist: Archivist) -> None:
    await archivist.say("one", "two")
    stored = await archivist.archive.store(await archivist.close())
    path = archivist.folder / archivist.files()[0]
    whole = path.read_text(encoding="utf-8")
    path.write_text(whole + "{broken\n", encoding="utf-8")
    with pytest.raises(FilesRefused, match=r"jsonl:3: not JSON"):
        await archivist.archive.restore(stored)
    path.unlink()
    with pytest.raises(ArchiveFault, match="is not there"):
        await archivist.archive.restore(stored)
    assert await archivist.states() == ["archived"]
    path.write_text(whole, encoding="utf-8")
    await archivist.archive.restore(stored)
    assert await archivist.texts() == ["one", "two"]


class Dies(Exception):
    """In the place of a SIGKILL."""


def mortal(storage: Storage, at: int, *, after: bool) -> Storage:
    """`storage`, whose process dies right before or right after its commit number `at`."""
    left = at

    async def commit(statements: Sequence[Statement]) -> Sequence[Sequence[Row]]:
        nonlocal left
        left -= 1
        if left == 0 and not after:
            raise Dies
        answer = await storage.commit(statements)
        if left == 0:
            raise Dies
        return answer

    return cast("Storage", SimpleNamespace(commit=commit, read=storage.read))


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("at", range(1, 6))
async def test_a_crash_while_archiving_loses_nothing(
    archivist: Archivist,
    monkeypatch: pytest.MonkeyPatch,
    at: int,
    after: bool,  # noqa: FBT001 - a parameter of the case
) -> None:
    monkeypatch.setattr(module, "PAGE", 2)
    said = [str(number) for number in range(5)]
    await archivist.say(*said)
    session = await archivist.close()
    dying = mortal(archivist.storage, at, after=after)
    archive = Archive(dying, archivist.sessions, archivist.clock, archivist.folder, None)
    with pytest.raises(Dies):
        await archive.store(session)
    await archivist.clock.advance(REST.total_seconds())
    await archivist.new_archive().sweep()
    assert await archivist.states() == ["archived"]
    assert await rows(archivist.storage, session.id) == 0
    assert len(archivist.files()) == 1
    await archivist.archive.restore((await archivist.sessions.of_key(KEY))[0])
    assert await archivist.texts() == said


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("at", range(1, 6))
async def test_a_crash_while_restoring_loses_nothing(
    archivist: Archivist,
    monkeypatch: pytest.MonkeyPatch,
    at: int,
    after: bool,  # noqa: FBT001 - a parameter of the case
) -> None:
    monkeypatch.setattr(module, "PAGE", 2)
    said = [str(number) for number in range(5)]
    await archivist.say(*said)
    stored = await archivist.archive.store(await archivist.close())
    dying = mortal(archivist.storage, at, after=after)
    archive = Archive(dying, archivist.sessions, archivist.clock, archivist.folder, None)
    with pytest.raises(Dies):
        await archive.restore(stored)
    await archivist.new_archive().sweep()
    (session,) = await archivist.sessions.of_key(KEY)
    if session.state == "archived":
        await archivist.archive.restore(session)
    assert await archivist.texts() == said


async def test_two_at_once_archive_a_session_once(archivist: Archivist) -> None:
    await archivist.say("one")
    session = await archivist.close()
    outcomes = await asyncio.gather(
        archivist.new_archive().store(session), archivist.new_archive().store(session), return_exceptions=True
    )
    assert any(not isinstance(outcome, BaseException) for outcome in outcomes)
    assert all(isinstance(outcome, ArchiveFault) for outcome in outcomes if isinstance(outcome, BaseException))
    assert await archivist.states() == ["archived"]
    assert len(archivist.files()) == 1


async def test_deleting_forgets_the_files_too(archivist: Archivist, tmp_path: Path) -> None:
    await archivist.say("one")
    await archivist.archive.store(await archivist.close())
    await archivist.say("two")
    outside = tmp_path / "outside.jsonl"
    outside.write_text("kept")
    (deleted,) = await archivist.storage.commit([archivist.sessions.delete(KEY)])
    await archivist.archive.forget([*(row["archive"] for row in deleted), "../../outside.jsonl"])
    assert await archivist.states() == []
    assert archivist.files() == []
    assert outside.exists()
