"""The archive: sessions that ended, as JSONL files, out of the database and back.

What a crash leaves at any moment is whole: the row says `archiving` before the file is begun, the file is there as a
whole or not at all, the row says `archived` before the first message leaves the database. A file without such a row is
written again; messages behind such a row are removed again.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Final

from bot.errors import JavisError
from bot.files import atomic_file
from bot.sessions.jsonl import BadLine, FilesRefused, Line, read_lines, read_record, transcript_name, write_record
from bot.sessions.store import Session, SessionStore, record_values, session_from
from bot.storage.errors import GuardFailed
from bot.storage.port import SqlValue, Statement, Storage
from channels.clock import Clock, unix_ms

log = logging.getLogger(__name__)

PAGE: Final = 1000  # records at a time: bounds memory, and for how long other writers wait
SWEPT_AT_ONCE: Final = 100
REST: Final = timedelta(hours=1)
"""A closed session stays in the database for so long: others (the memory) read it there once it is still."""
ABANDONED: Final = timedelta(days=1)

Progress = Callable[[int], None]
"""Told how many more records are done."""


def silent(_records: int) -> None:
    """Nobody watches."""


class ArchiveFault(JavisError):
    """A session cannot be archived or restored; the text says why and what to do."""


class Archive:
    """Moves sessions between the database and `folder`. `idle` None: nobody's session is closed for silence."""

    def __init__(
        self, storage: Storage, sessions: SessionStore, clock: Clock, folder: Path, idle: timedelta | None
    ) -> None:
        self._storage = storage
        self._sessions = sessions
        self._clock = clock
        self._folder = folder
        self._idle = idle
        self._swept = False

    async def sweep(self) -> None:
        """Close sessions that nobody has spoken in for long, and move the closed ones to files."""
        if not self._swept:
            await self._clear_up()
            self._swept = True
        now = self._clock.now()
        if self._idle is not None:
            idle: dict[str, SqlValue] = {"now_ms": unix_ms(now), "before_ms": unix_ms(now - self._idle), "most": PAGE}
            await self._storage.commit([Statement("sessions.close_idle", idle)])
        waiting: dict[str, SqlValue] = {"before_ms": unix_ms(now - REST), "most": SWEPT_AT_ONCE}
        for row in await self._storage.read("sessions.to_archive", waiting):
            with suppress(ArchiveFault):  # another process was faster
                await self.store(session_from(row))

    async def store(self, session: Session, progress: Progress = silent) -> Session:
        """Move a session that is not open into its file. Raises ArchiveFault, OSError."""
        name = f"{transcript_name(session.key).removesuffix('.jsonl')}-{session.id}.jsonl"
        await self._change(session, "sessions.archiving", archive=name)
        await asyncio.to_thread(self._folder.mkdir, mode=0o700, parents=True, exist_ok=True)
        with atomic_file(self._folder / name) as file:
            written, after = 0, 0
            while page := await self._sessions.page(session.id, after, PAGE):
                lines = [write_record(record, number) for number, record in page.records]
                await asyncio.to_thread(file.writelines, lines)
                written, after = written + len(lines), page.last
                progress(len(lines))
        await self._change(session, "sessions.archived", messages=written)
        await self._purge(session.id)
        log.info("A session was archived", extra={"session": session.key, "file": name, "records": written})
        return await self._get(session.id)

    async def restore(self, session: Session, progress: Progress = silent) -> Session:
        """Make a closed or archived session the open one of its key; the one that was open is closed.

        Raises ArchiveFault, FilesRefused, OSError. Until it is whole it stays archived.
        """
        if session.state == "open":
            raise ArchiveFault(f"{session.key} ({session.id}) is open already")
        if session.archive is None:
            await self._commit(session, self._sessions.reopen(session))
            return await self._get(session.id)
        path = self._path(session.archive)
        await self._purge(session.id)  # what an earlier try may have left
        lines = await asyncio.to_thread(_load, path)
        for start in range(0, len(lines), PAGE):
            batch = lines[start : start + PAGE]
            await self._storage.commit([_put_back(session.id, line) for line in batch])
            progress(len(batch))
        values: dict[str, SqlValue] = {"session_id": session.id, "messages": len(lines)}
        restored = Statement("sessions.restored", {**values, "now_ms": unix_ms(self._clock.now())}, required=True)
        await self._commit(session, [self._sessions.close(session.key), restored])
        await asyncio.to_thread(path.unlink, missing_ok=True)
        return await self._get(session.id)

    async def read(self, session: Session) -> Sequence[Line]:
        """What an archived session's file holds. Raises ArchiveFault, FilesRefused."""
        return await asyncio.to_thread(_load, self._path(session.archive or ""))

    async def forget(self, names: Iterable[str | None]) -> None:
        """Remove the files of sessions that are gone."""
        for name in names:
            if name is not None:
                path = self._folder / Path(name).name
                await asyncio.to_thread(path.unlink, missing_ok=True)

    async def _clear_up(self) -> None:
        """After a crash: messages that are in a file already, imports that nobody finished."""
        for row in await self._storage.read("sessions.to_purge", {}):
            await self._purge(row["id"])
        before = unix_ms(self._clock.now() - ABANDONED)
        await self._storage.commit([Statement("sessions.drop_loading", {"before_ms": before})])

    async def _purge(self, session_id: int) -> None:
        removed = PAGE
        while removed == PAGE:
            values: dict[str, SqlValue] = {"session_id": session_id, "most": PAGE}
            (rows,) = await self._storage.commit([Statement("sessions.purge", values)])
            removed = len(rows)

    async def _change(self, session: Session, name: str, **values: SqlValue) -> None:
        await self._commit(session, [Statement(name, {"session_id": session.id, **values}, required=True)])

    async def _commit(self, session: Session, statements: Sequence[Statement]) -> None:
        try:
            await self._storage.commit(statements)
        except GuardFailed:
            raise ArchiveFault(f"{session.key} ({session.id}) was changed by somebody else: try again") from None

    async def _get(self, session_id: int) -> Session:
        session = await self._sessions.get(session_id)
        if session is None:
            raise ArchiveFault("the session was deleted meanwhile")
        return session

    def _path(self, name: str) -> Path:
        path = self._folder / Path(name).name
        if not path.is_file():
            raise ArchiveFault(f"{path} is not there: bring it back from a backup, or from the machine that wrote it")
        return path


def _load(path: Path) -> list[Line]:
    """Every line, or none. Raises FilesRefused."""
    lines, faults = list[Line](), list[str]()
    for number, raw in read_lines(path):
        try:
            line = read_record(raw)
        except BadLine as bad:
            faults.append(f"{path}:{number}: {bad}")
            continue
        if line.id is None:
            faults.append(f"{path}:{number}: it has no id, so it is no archive of ours: use javis sessions import")
        lines.append(line)
    if faults:
        raise FilesRefused(faults)
    return lines


def _put_back(session_id: int, line: Line) -> Statement:
    return Statement("sessions.put_back", {"id": line.id, "session_id": session_id, **record_values(line.record)})
