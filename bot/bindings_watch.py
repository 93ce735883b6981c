"""Keeps bindings.yaml in force as it is saved: all of a new version or nothing of it.

A look finds out that the file has changed and waits for the next one, so that a version is read only when it has come
to rest: some editors write in place, others put a new file in the old one's place, and for a moment there is none.
"""

import asyncio
import gc
import hashlib
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from bot import words
from bot.agents.port import Agent, AgentFault, Closes
from bot.bindings_file import BindingsStore
from bot.catalogue import Catalogue
from bot.owner import Owner
from bot.pipeline.path import Path as Road
from bot.providers.bases import ModelFault
from bot.sessions.lanes import Lanes
from channels.clock import Clock
from routing.entries import AgentEntry
from routing.faults import Fault, FileFaults
from routing.file import BindingsFile, load_bindings
from routing.table import Table

log = logging.getLogger(__name__)

LOOK_SECONDS: Final = 0.25
MAY_BE_GONE: Final = timedelta(seconds=2)
AGENTS_AT_ONCE: Final = 20

Stamp = tuple[int, int, int]
"""Changes whenever the file does: when it was written, its size, its inode."""


@dataclass(frozen=True, slots=True)
class InForce:
    """A version of the file, made ready. `agents` has one for each of the file's."""

    file: BindingsFile
    table: Table
    agents: Mapping[str, Agent]


class BindingsWatch:
    """Looks at the file whenever it is told to.

    `build` makes agents of entries and raises AgentFault or ModelFault; `install` puts a version in force at once;
    `tell` says faults to the owner, once for each digest, and answers False where it cannot yet; `accepted` is told
    each text that was in force and each that comes into force; `busy` whether a turn of an agent is under way.
    """

    def __init__(
        self,
        current: InForce,
        *,
        clock: Clock,
        build: Callable[[Sequence[AgentEntry]], Mapping[str, Agent]],
        install: Callable[[InForce], None],
        tell: Callable[[str, str], Awaitable[bool]],
        accepted: Callable[[str], None],
        busy: Callable[[str], bool],
    ) -> None:
        self._current = current
        self._path: Final = current.file.path
        self._clock = clock
        self._build = build
        self._install = install
        self._tell = tell
        self._accepted = accepted
        self._busy = busy
        self._one_at_a_time = asyncio.Lock()
        self._seen: Stamp | None = None
        self._read: Stamp | None = None
        self._gone_since: datetime | None = None
        self._retired: list[Agent] = []
        self._untold: tuple[str, str] | None = None
        self.faults: Sequence[str] = ()
        """What is wrong with the file as it stands, one fault each; empty: it is in force."""

    @property
    def file(self) -> BindingsFile:
        """The version in force."""
        return self._current.file

    async def look(self) -> None:
        """Read the file if it has changed and come to rest; the owner hears of each fault once."""
        async with self._one_at_a_time:
            await self._look()

    async def look_at_once(self) -> None:
        """The same for a file that was just written whole: what it says is in force on return, or in `faults`."""
        async with self._one_at_a_time:
            self._seen = None if self._path is None else _stamp(self._path)
            await self._look()

    async def _look(self) -> None:
        if self._path is None:
            return
        await self._close_retired()
        await self._tell_owner()
        stamp = _stamp(self._path)
        if stamp is None:
            await self._is_gone()
            return
        self._gone_since = None
        if stamp == self._read:
            return
        if stamp != self._seen:
            self._seen = stamp
            return
        self._read = stamp
        await self._take(self._path)

    async def close(self) -> None:
        """The agents of the version in force are closed, with those that wait for it."""
        self._retired += self._current.agents.values()
        await self._close_retired(at_once=True)

    async def _take(self, path: Path) -> None:
        current = self._current.file
        try:
            loaded = await asyncio.to_thread(_load, path, current.text)
            if loaded is None:
                self._in_order()
                return
            file, table = loaded
            agents = await self._agents_of(file)
        except FileFaults as faults:
            if _stamp(path) is None:  # gone again since it was looked at
                self._read = None
                return
            await self._is_faulty([str(fault) for fault in faults.faults])
            return
        except (AgentFault, ModelFault) as fault:
            await self._is_faulty([f"{path}: {fault}"])
            return
        self._swap(InForce(file, table, agents))
        with suppress(OSError):  # a full disk: the file itself is as it should be
            for text in (current.text, file.text):
                await asyncio.to_thread(self._accepted, text)

    def _swap(self, new: InForce) -> None:
        kept = {id(agent) for agent in new.agents.values()}
        self._retired += [agent for agent in self._current.agents.values() if id(agent) not in kept]
        self._current = new
        self._install(new)
        self._in_order()
        counts = {"bindings": len(new.file.bindings), "agents": len(new.agents)}
        log.info("A new version of the bindings is in force", extra=counts)

    async def _agents_of(self, file: BindingsFile) -> Mapping[str, Agent]:
        """Those whose entry is as it was stay as they are. Raises AgentFault, ModelFault."""
        before = {entry.id: entry for entry in self._current.file.agents}
        fresh = [entry for entry in file.agents if before.get(entry.id) != entry]
        built: dict[str, Agent] = {}
        for start in range(0, len(fresh), AGENTS_AT_ONCE):
            built.update(self._build(fresh[start : start + AGENTS_AT_ONCE]))
            await asyncio.sleep(0)
        return {entry.id: built.get(entry.id) or self._current.agents[entry.id] for entry in file.agents}

    async def _is_gone(self) -> None:
        now = self._clock.now()
        self._gone_since = self._gone_since or now
        if self._read is not None and now - self._gone_since >= MAY_BE_GONE:
            self._seen = self._read = None
            await self._is_faulty([str(Fault(str(self._path), 0, 0, "the file is gone: put it back"))])

    async def _is_faulty(self, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        log.error("The bindings have faults; the last good version stays in force", extra={"faults": list(faults)})
        text = "\n".join(faults)
        digest = hashlib.sha256(f"{self._read}\n{text}".encode()).hexdigest()[:16]
        self._untold = digest, text
        await self._tell_owner()

    async def _tell_owner(self) -> None:
        if self._untold is not None and await self._tell(*self._untold):
            self._untold = None

    def _in_order(self) -> None:
        if self.faults:
            log.info("The bindings are in order again")
        self.faults, self._untold = (), None

    async def _close_retired(self, *, at_once: bool = False) -> None:
        """Close agents that no version in force has any more, once their last turn is over."""
        waiting, self._retired = self._retired, []
        for agent in waiting:
            if not at_once and self._busy(agent.id):
                self._retired.append(agent)
            elif isinstance(agent, Closes):
                try:
                    await agent.close()
                except Exception:
                    log.exception("An agent could not be closed", extra={"agent": agent.id})


def watch_for(
    current: InForce,
    road: Road,
    owner: Owner,
    lanes: Lanes,
    catalogue: Catalogue,
    clock: Clock,
    build: Callable[[Sequence[AgentEntry]], Mapping[str, Agent]],
    store: BindingsStore | None,
) -> BindingsWatch:
    """The watch of a running bot: new versions go to `road`, good ones are kept by `store`, faults go to `owner`."""

    def install(version: InForce) -> None:
        road.table, road.agents = version.table, version.agents

    async def tell(digest: str, faults: str) -> bool:
        if not owner.is_known:
            return True
        text = catalogue.say(owner.language, words.BINDINGS_FAULTY, faults=faults)
        return await owner.tell(f"bindings:{digest}", text)

    return BindingsWatch(
        current,
        clock=clock,
        build=build,
        install=install,
        tell=tell,
        accepted=lambda text: None if store is None else store.keep(text),
        busy=lambda agent: lanes.busy(f"agent:{agent}:"),
    )


def _stamp(path: Path) -> Stamp | None:
    # In the event loop: a few microseconds, where the way to another thread and back takes two hundred.
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _load(path: Path, text: str) -> tuple[BindingsFile, Table] | None:
    """The file made ready; None where it still holds `text`. Raises FileFaults."""
    # The garbage collector would look at the growing table again and again and hold up the loop each time. What is
    # made here ends with its last reference; what is left belongs to the new version.
    gc.disable()
    try:
        file = load_bindings(path)
        return None if file.text == text else (file, Table(file.bindings, file.defaults))
    finally:
        gc.freeze()
        gc.enable()
