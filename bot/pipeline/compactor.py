"""Long conversations are told in short before they outgrow what an agent reads, while nobody waits for it.

The transcript stays as it is: the summary is what agents read in the place of its old part.
"""

import logging
from collections import OrderedDict
from typing import Final

from bot.agents.compaction import recent_part
from bot.agents.port import Agent, AgentFailed, Summarises, Turn
from bot.sessions.lanes import Lanes
from bot.sessions.store import SessionStore
from bot.storage.errors import GuardFailed
from bot.storage.port import Storage

log = logging.getLogger(__name__)

LOOK_EVERY: Final = 10  # records: looking costs a read
MOST_KNOWN: Final = 10_000  # sessions that are counted; one forgotten is looked at a little later
MOST_READ: Final = 400  # records for one summary; what is older than these no agent has read for long
FULL: Final = 0.8
KEPT: Final = 0.4


class Compactor:
    """`records` and `characters` are what an agent reads at most: at 4/5 of either a summary is due, and leaves 2/5."""

    def __init__(
        self, storage: Storage, sessions: SessionStore, lanes: Lanes, *, records: int, characters: int
    ) -> None:
        self._storage = storage
        self._sessions = sessions
        self._lanes = lanes
        self._records = records
        self._characters = characters
        self._unseen: OrderedDict[str, int] = OrderedDict()

    def said(self, turn: Turn, agent: Agent, records: int) -> None:
        """The turn added so many records. Never waits."""
        unseen = self._unseen.pop(turn.session_key, 0) + records
        if unseen >= LOOK_EVERY:
            if self._records and isinstance(agent, Summarises):
                self._lanes.submit(f"compact {turn.session_key}", lambda: self._compact(turn, agent))
            return
        self._unseen[turn.session_key] = unseen
        if len(self._unseen) > MOST_KNOWN:
            self._unseen.popitem(last=False)

    async def _compact(self, turn: Turn, agent: Summarises) -> None:
        tail = await self._sessions.tail(turn.session_key, MOST_READ)
        if tail is None:
            return
        records = [record for _, record in tail.records]
        size = sum(len(record.content) for record in records)
        if len(records) <= FULL * self._records and size <= FULL * self._characters:
            return
        cut = recent_part(records, int(KEPT * self._records), int(KEPT * self._characters))
        if cut == 0:
            return
        try:
            summary = await agent.summarise(records[:cut], tail.summary, turn)
        except AgentFailed as failure:
            log.warning("A summary is put off", extra={"session": turn.session_key, "reason": failure.reason})
            return
        if not summary.strip():
            return
        try:
            await self._storage.commit([self._sessions.summarise(tail, tail.records[cut - 1][0], summary)])
        except GuardFailed:
            return  # another was faster, or the session has ended
        log.info("A conversation was told in short", extra={"session": turn.session_key, "records": cut})
