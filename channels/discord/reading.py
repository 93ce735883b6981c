"""From the gateway to the inbox, in the order in which it came.

A message is on disk together with the cursor of its channel. Where the gateway cannot repeat what was missed (a new
session), the missed messages are fetched first and the fresh ones wait; nothing is answered out of order.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any, Final

from channels.clock import Clock
from channels.discord.catchup import CatchUp, Page
from channels.discord.cursors import Cursors
from channels.discord.events import envelope, raw_update
from channels.discord.places import Places
from channels.message import JsonObject
from channels.port import Inbox, Memory, RawUpdate

log = logging.getLogger(__name__)

MOST_WAITING: Final = 10_000  # events in memory; beyond, they are fetched later
BATCH: Final = 100
FIRST_WAIT_SECONDS: Final = 1.0
LONGEST_WAIT_SECONDS: Final = 30.0
MESSAGES: Final = frozenset({"MESSAGE_CREATE", "MESSAGE_UPDATE"})

Event = tuple[str, dict[str, Any]]


class Reader:
    """Of one account. `take` is called by the gateway, `run` stores."""

    def __init__(
        self, user_id: str, catch_up: CatchUp, places: Places, memory: Memory, cursors: Cursors, clock: Clock
    ) -> None:
        self._user_id = user_id
        self._catch_up = catch_up
        self._places = places
        self._memory = memory
        self._cursors = cursors
        self._clock = clock
        self._events: deque[Event] = deque()
        self._arrived = asyncio.Event()

    def take(self, event: str, data: dict[str, Any]) -> None:
        """Keep an event until `run` gets to it. Never waits."""
        if event in MESSAGES and not self._says_something(event, data):
            return
        if event in MESSAGES and len(self._events) >= MOST_WAITING:
            self._fall_behind(data)
            return
        self._events.append((event, data))
        self._arrived.set()

    def _says_something(self, event: str, data: JsonObject) -> bool:
        """False for the bot's own words, and for edits that only unfold a link."""
        match data:
            case {"author": {"id": self._user_id}}:
                return False
        return event == "MESSAGE_CREATE" or data.get("edited_timestamp") is not None

    def _fall_behind(self, data: JsonObject) -> None:
        match data:
            case {"channel_id": str(channel)}:
                if not self._catch_up.any_behind:
                    log.warning("More messages come than can be stored; they are fetched later")
                self._catch_up.fall_behind(channel, data.get("guild_id"))

    async def run(self, inbox: Inbox) -> None:
        """Until cancelled. A store that refuses is asked again."""
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while self._events:
                await self._next(inbox)
            if self._catch_up.any_behind:
                await self._fetch(inbox, self._catch_up.behind())
                self._arrived.set()

    async def _next(self, inbox: Inbox) -> None:
        event, data = self._events[0]
        if event in MESSAGES:
            await self._store_messages(inbox)
            return
        self._events.popleft()
        match event, data:
            case "READY", {"guilds": list(guilds)}:
                self._catch_up.begin(guilds)
                await self._fetch(inbox, self._catch_up.direct_chats())
            case "GUILD_CREATE", {"id": str(guild_id)}:
                await self._fetch(inbox, self._catch_up.guild(guild_id))

    async def _store_messages(self, inbox: Inbox) -> None:
        batch: list[Event] = []
        while self._events and self._events[0][0] in MESSAGES and len(batch) < BATCH:
            batch.append(self._events.popleft())
        created = [data for event, data in batch if event == "MESSAGE_CREATE"]
        for channel in self._new_direct_chats(created):
            await self._fetch(inbox, self._catch_up.new_direct_chat(channel))
        batch = [each for each in batch if not self._is_fetched_later(*each)]
        if not batch:
            return
        created = [data for event, data in batch if event == "MESSAGE_CREATE"]
        updates = [raw_update(envelope(event, data, await self._places.note(data))) for event, data in batch]
        await self._store(inbox, updates, self._moved(created, mark=self._catch_up.is_done))

    def _is_fetched_later(self, event: str, data: JsonObject) -> bool:
        match data:
            case {"channel_id": str(channel)}:
                return event == "MESSAGE_CREATE" and self._catch_up.is_behind(channel)
        return False

    def _new_direct_chats(self, messages: Iterable[JsonObject]) -> list[str]:
        chats: dict[str, None] = {}
        for message in messages:
            match message:
                case {"channel_id": str(channel)} if message.get("guild_id") is None and self._cursors.is_new(channel):
                    chats[channel] = None
        return [chat for chat in chats if not self._catch_up.is_behind(chat)]

    async def _fetch(self, inbox: Inbox, pages: AsyncIterator[Page]) -> None:
        async for page in pages:
            updates = [raw_update(envelope("MESSAGE_CREATE", data, await self._places.note(data))) for data in page]
            await self._store(inbox, updates, self._moved(page, mark=False))
        gone = self._catch_up.gone()
        if gone:
            await self._store(inbox, [], gone)

    def _moved(self, messages: Iterable[JsonObject], *, mark: bool) -> Mapping[str, str]:
        changes: dict[str, str] = {}
        for message in messages:
            match message:
                case {"id": str(number), "channel_id": str(channel)} if number.isdecimal():
                    changes |= self._cursors.move(channel, int(number), direct=message.get("guild_id") is None)
                    if mark:
                        changes |= self._cursors.move_mark(int(number))
        return changes

    async def _store(self, inbox: Inbox, updates: Sequence[RawUpdate], remember: Mapping[str, str]) -> None:
        wait = 0.0
        while True:
            try:
                if updates:
                    await inbox.store(updates, remember)
                else:
                    await self._memory.remember(remember)
            except Exception as error:  # noqa: BLE001 - whatever stops the store must not stop the reader
                if not wait:
                    reason = f"{type(error).__name__}: {error}"
                    log.warning("Messages cannot be stored; trying again", extra={"reason": reason})
                wait = min(max(2 * wait, FIRST_WAIT_SECONDS), LONGEST_WAIT_SECONDS)
                await self._clock.sleep(wait)
            else:
                return
