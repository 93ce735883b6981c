"""Hears of other processes' commits, and what they say at this moment (LISTEN/NOTIFY)."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

import psycopg

from bot.storage.errors import StorageError
from bot.storage.postgresql.connection import connect
from bot.storage.postgresql.relay import Relay
from channels.clock import Clock

log = logging.getLogger(__name__)

PAUSE_SECONDS: Final = 1.0


class Listener:
    """Listens on a connection of its own. `name` is how our own commits are signed: those are passed over.

    What was said while the connection was away is lost there, so a new connection counts as a change.
    """

    def __init__(self, url: str, name: str, clock: Clock, relay: Relay) -> None:
        self._url = url
        self._relay = relay
        self._clock = clock
        self._name = name
        self._changed = False
        self._tell: Callable[[], None] | None = None

    def take(self) -> bool:
        """True once after another process has written since the last call."""
        changed, self._changed = self._changed, False
        return changed

    def tell(self, change: Callable[[], None]) -> None:
        """Call `change` at each commit of another process."""
        self._tell = change

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Listen while the block runs. Raises StorageError when the first connection fails."""
        ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(self._run(ready), name="javis-listener")
        try:
            await ready
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _run(self, ready: asyncio.Future[None]) -> None:
        while True:
            try:
                await self._listen(ready)
            except (StorageError, psycopg.Error) as error:
                if not ready.done():
                    ready.set_exception(error)
                    return
                log.warning("Not told of other machines' work until the database is back")
            await self._clock.sleep(PAUSE_SECONDS)

    async def _listen(self, ready: asyncio.Future[None]) -> None:
        """Until the connection breaks."""
        connection = await connect(self._url)
        try:
            cursor = await connection.execute("SELECT quote_ident('javis_' || current_schema()) AS channel")
            (row,) = await cursor.fetchall()
            await connection.execute(f"LISTEN {row['channel']}".encode())
            self._relay.forget()
            if ready.done():
                self._heard()
            else:
                ready.set_result(None)
            async for notice in connection.notifies():
                if notice.payload.startswith(self._name):
                    continue
                if " " in notice.payload:
                    self._relay.take(notice.payload)
                else:
                    self._heard()
        finally:
            await connection.close()

    def _heard(self) -> None:
        self._changed = True
        if self._tell is not None:
            self._tell()
