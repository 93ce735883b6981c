"""Sessions to and from a folder in claw0's form: `sessions.jsonl` and `transcripts/<key with : as _>.jsonl`.

An import reads every file before it changes anything: one fault, and nothing is taken over. A session is filled where
nobody sees it and opened in one transaction, so what a crash interrupts is not half there.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final

from bot.files import atomic_file
from bot.sessions.archive import PAGE, Archive, Progress, silent
from bot.sessions.jsonl import (
    BadLine,
    FilesRefused,
    read_lines,
    read_object,
    read_record,
    read_time,
    transcript_name,
    write_record,
)
from bot.sessions.store import Session, SessionStore, record_values
from bot.sessions.transcript import Record
from bot.storage.port import SqlValue, Statement, Storage
from channels.clock import Clock, unix_ms
from routing.errors import InvalidSessionKey
from routing.session_key import parse_session_key

INDEX: Final = "sessions.jsonl"
TRANSCRIPTS: Final = "transcripts"
_TIMES: Final = ("created_at", "last_active", "updated_at")  # the first that is there


@dataclass(frozen=True, slots=True)
class ForeignSession:
    """A session as its folder tells of it. `records` counts the lines of its transcript; `closed`: it had ended."""

    key: str
    agent: str
    created: datetime
    transcript: Path
    records: int
    closed: bool


async def export_sessions(
    sessions: SessionStore, archive: Archive, chosen: Sequence[Session], folder: Path, progress: Progress = silent
) -> int:
    """Write `chosen` into `folder`, which is made; the number of records. Raises OSError, ArchiveFault."""
    await asyncio.to_thread((folder / TRANSCRIPTS).mkdir, mode=0o700, parents=True, exist_ok=True)
    names, total = set[str](), 0
    with atomic_file(folder / INDEX) as index:
        for session in chosen:
            name = _free_name(session, names)
            names.add(name)
            with atomic_file(folder / TRANSCRIPTS / name) as file:
                async for lines in _pages(sessions, archive, session):
                    await asyncio.to_thread(file.writelines, lines)
                    total += len(lines)
                    progress(len(lines))
            index.write(_index_line(session, name))
    return total


async def _pages(sessions: SessionStore, archive: Archive, session: Session) -> AsyncIterator[Sequence[str]]:
    if session.state == "archived":
        yield [write_record(line.record) for line in await archive.read(session)]
        return
    after = 0
    while page := await sessions.page(session.id, after, PAGE):
        yield [write_record(record) for _, record in page.records]
        after = page.last


def _free_name(session: Session, taken: set[str]) -> str:
    """Two keys may make one name, and a key may have had several sessions; the index tells which file is whose."""
    name = transcript_name(session.key)
    return name if name not in taken else f"{name.removesuffix('.jsonl')}-{session.id}.jsonl"


def _index_line(session: Session, name: str) -> str:
    line = {
        "session_key": session.key,
        "agent_id": session.agent,
        "created_at": session.created.isoformat(),
        "last_active": session.last_active.isoformat(),
        "message_count": session.messages,
        "state": "open" if session.state == "open" else "closed",
        "transcript_file": name,
    }
    return json.dumps(line, ensure_ascii=False) + "\n"


def read_folder(folder: Path, progress: Progress = silent) -> Sequence[ForeignSession]:
    """Look through every file of an exported folder. Raises FilesRefused with each fault, its file and line."""
    found, faults, keys = list[ForeignSession](), list[str](), set[str]()
    index = folder / INDEX
    for number, raw in _lines(index, faults):
        try:
            session = _read_index_line(raw, folder)
        except BadLine as bad:
            faults.append(f"{index}:{number}: {bad}")
            continue
        if not session.closed and session.key in keys:
            faults.append(f"{index}:{number}: the same session_key is open in an earlier line")
        if not session.closed:
            keys.add(session.key)
        found.append(_checked(session, faults, progress))
    if faults:
        raise FilesRefused(faults)
    return found


def _checked(session: ForeignSession, faults: list[str], progress: Progress) -> ForeignSession:
    records = 0
    for number, raw in _lines(session.transcript, faults):
        try:
            read_record(raw)
        except BadLine as bad:
            faults.append(f"{session.transcript}:{number}: {bad}")
        records += 1
        progress(1)
    return replace(session, records=records)


def _lines(path: Path, faults: list[str]) -> Iterator[tuple[int, bytes | BadLine]]:
    try:
        yield from read_lines(path)
    except OSError as error:
        faults.append(f"{path}: {error.strerror}")


def _read_index_line(raw: bytes | BadLine, folder: Path) -> ForeignSession:
    """Raises BadLine."""
    fields = read_object(raw)
    text = fields.get("session_key", fields.get("key"))
    if not isinstance(text, str) or len(text) > 1000:
        raise BadLine("session_key must be text of at most 1000 characters")
    try:
        key = parse_session_key(text)
    except InvalidSessionKey:
        raise BadLine("session_key must read agent:<agent>:…") from None
    name = fields.get("transcript_file", transcript_name(text))
    if not isinstance(name, str) or Path(name).name != name or name in {"", ".", ".."} or "\0" in name:
        raise BadLine("transcript_file must be the name of a file in transcripts/, no path")
    closed = fields.get("state", "open") != "open"
    created = read_time(next((fields[each] for each in _TIMES if each in fields), None))
    return ForeignSession(str(key), key.agent, created, folder / TRANSCRIPTS / name, 0, closed)


class Importer:
    """Brings foreign sessions into the database."""

    def __init__(self, storage: Storage, sessions: SessionStore, clock: Clock) -> None:
        self._storage = storage
        self._sessions = sessions
        self._clock = clock

    async def take(self, session: ForeignSession, progress: Progress = silent, *, in_place: bool = False) -> bool:
        """Take it over under its key; False where it is here already, or another is open there.

        `in_place`: the one that is open is closed.
        """
        known = await self._sessions.of_key(session.key)
        if session.closed and any(each.created == session.created for each in known):
            return False
        if not session.closed and not in_place and any(each.state == "open" for each in known):
            return False
        load: dict[str, SqlValue] = {
            "key": session.key,
            "agent": session.agent,
            "created_ms": unix_ms(session.created),
            "now_ms": unix_ms(self._clock.now()),
        }
        ((row,),) = await self._storage.commit([Statement("sessions.load", load)])
        records = await self._fill(row["id"], session, progress)
        loaded: dict[str, SqlValue] = {"session_id": row["id"], "messages": records}
        closing = [self._sessions.close(session.key)] if in_place and not session.closed else []
        loaded["closed_ms"] = load["now_ms"] if session.closed else None
        await self._storage.commit([*closing, Statement("sessions.loaded", loaded, required=True)])
        return True

    async def _fill(self, session_id: int, session: ForeignSession, progress: Progress) -> int:
        """Raises FilesRefused where the file is no longer what was looked through."""
        total, batch = 0, list[Statement]()
        for number, raw in read_lines(session.transcript):
            try:
                batch.append(_load_record(session_id, read_record(raw).record))
            except BadLine as bad:
                raise FilesRefused([f"{session.transcript}:{number}: {bad}"]) from None
            if len(batch) == PAGE:
                await self._storage.commit(batch)
                total += len(batch)
                progress(len(batch))
                batch = []
        if batch:
            await self._storage.commit(batch)
            progress(len(batch))
        return total + len(batch)


def _load_record(session_id: int, record: Record) -> Statement:
    return Statement("sessions.load_record", {"session_id": session_id, **record_values(record)})
